#pragma once

#include <stdexcept>
#include <string>

namespace tunescope {

/// Base of every exception the library throws on purpose. The message names what was found, what was
/// expected and what to do; `cli/` prints it once and turns the type into an exit status.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A job file, an option or a combination of options is wrong (exit status 2).
class ConfigError : public Error {
 public:
  using Error::Error;
};

/// A data set, a vocabulary or a text file is missing or malformed (exit status 2).
class DataError : public Error {
 public:
  using Error::Error;
};

/// A model folder is missing, malformed or does not fit its own configuration (exit status 2).
class ModelError : public Error {
 public:
  using Error::Error;
};

/// The environment does not provide what the job needs: MPI, a device, a writable folder (exit status 3).
class EnvironmentError : public Error {
 public:
  using Error::Error;
};

/// An MPI call failed.
class MpiError : public EnvironmentError {
 public:
  using EnvironmentError::EnvironmentError;
};

/// An NCCL call failed, or another rank did not answer in time.
class NcclError : public EnvironmentError {
 public:
  using EnvironmentError::EnvironmentError;
};

/// An HDF5 call failed: the file is unreadable, damaged, or could not be written.
class Hdf5Error : public EnvironmentError {
 public:
  using EnvironmentError::EnvironmentError;
};

/// The requested compute device does not exist, this binary was built without it, or it does not work any more.
class DeviceError : public EnvironmentError {
 public:
  using EnvironmentError::EnvironmentError;
};

/// A computation gave a value that is not finite (exit status 1).
class NumericalError : public Error {
 public:
  using Error::Error;
};

}  // namespace tunescope
