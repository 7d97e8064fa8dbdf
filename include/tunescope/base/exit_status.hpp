#pragma once

namespace tunescope {

/// What the program returns; the numbers are part of its interface.
enum ExitStatus : int {
  kAllDone = 0,        ///< everything the job asks for is done
  kSomeFailed = 1,     ///< some trials failed or diverged, the rest are done; or all of the first failed
  kWrongInput = 2,     ///< the job file, the options or the inputs are wrong; nothing was run
  kStoppedEarly = 75,  ///< by a signal or a deadline, with work left: run again to resume. Everything is saved, unless
                       ///< a second signal asked for an end at once
  kWrongEnvironment = 3,  ///< MPI, the device or the filesystem
};

}  // namespace tunescope
