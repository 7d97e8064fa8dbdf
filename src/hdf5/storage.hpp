#pragma once

#include "tunescope/hdf5/file.hpp"

namespace tunescope::hdf5 {

/// The number of values in a dataset.
hsize_t element_count(const Shape& shape);

/// The shape of chunks: whole rows of the slowest dimension, about 65,536 values per chunk.
Shape chunk_shape(const Shape& shape);

/// A dataspace with fixed lengths.
Handle dataspace(const Shape& shape);

}  // namespace tunescope::hdf5
