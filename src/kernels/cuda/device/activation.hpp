#pragma once

#include "simt.hpp"

namespace tunescope {

// Activations and their derivatives. A derivative is multiplied by the gradient of the output.

struct Gelu {
  __device__ static float value(float x) { return x * cumulative(x); }
  __device__ static float gradient(float x, float of_output) {
    constexpr float kDensityAtZero = 0.3989422804F;  // 1 / √(2 π)
    return of_output * (cumulative(x) + x * kDensityAtZero * expf(-0.5F * x * x));
  }

 private:
  __device__ static float cumulative(float x) { return 0.5F * (1.0F + erff(x * 0.7071067812F)); }
};

struct GeluTanh {
  __device__ static float value(float x) { return 0.5F * x * (1.0F + tanhf(argument(x))); }
  __device__ static float gradient(float x, float of_output) {
    const float t = tanhf(argument(x));
    const float slope = kFactor * (1.0F + 3.0F * kCubic * x * x);
    return of_output * 0.5F * (1.0F + t + x * (1.0F - t * t) * slope);
  }

 private:
  static constexpr float kFactor = 0.7978845608F;  // √(2 / π)
  static constexpr float kCubic = 0.044715F;
  __device__ static float argument(float x) { return kFactor * (x + kCubic * x * x * x); }
};

// NaN passes.
struct Relu {
  __device__ static float value(float x) { return x <= 0.0F ? 0.0F : x; }
  __device__ static float gradient(float x, float of_output) { return x <= 0.0F ? 0.0F : of_output; }
};

struct Silu {
  __device__ static float value(float x) { return x * logistic(x); }
  __device__ static float gradient(float x, float of_output) {
    const float s = logistic(x);
    return of_output * s * (1.0F + x * (1.0F - s));
  }

 private:
  __device__ static float logistic(float x) { return 1.0F / (1.0F + expf(-x)); }
};

struct Tanh {
  __device__ static float value(float x) { return tanhf(x); }
  __device__ static float gradient(float x, float of_output) {
    const float t = tanhf(x);
    return of_output * (1.0F - t * t);
  }
};

}  // namespace tunescope
