#include "tunescope/cli/commands.hpp"

int main(int argc, char** argv) { return tunescope::cli::run(argc, argv); }
