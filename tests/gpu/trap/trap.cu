namespace tunescope::test {
namespace {

__global__ void trap() { __trap(); }

}  // namespace

void start_trap() { trap<<<1, 1>>>(); }

}  // namespace tunescope::test
