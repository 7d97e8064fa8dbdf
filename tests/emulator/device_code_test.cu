// The tests of device code for GPUs, to be run under compute-sanitizer too.
#include "device_code_test.cpp"
