#pragma once

#include "tunescope/hdf5/file.hpp"

namespace tunescope::hdf5 {

/// Number of values of a dataset.
hsize_t element_count(const Shape& shape);

/// Whole rows of the slowest dimension, about 65,536 values a chunk.
Shape chunk_shape(const Shape& shape);

/// A dataspace of fixed lengths.
Handle dataspace(const Shape& shape);

}  // namespace tunescope::hdf5
