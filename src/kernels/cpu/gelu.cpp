#include <ATen/Dispatch.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <numbers>

#include "../backends/activation.hpp"
#include "rows.hpp"
#include "vector_clones.hpp"

namespace tunescope::cpu {
namespace {

// GELU(x) = x Φ(x) and its derivative Φ(x) + x φ(x), with Φ and φ the cumulative distribution and the density of the
// standard normal distribution, or of one near it whose Φ is written with tanh (Hendrycks and Gimpel 2016). The bias of
// the layer below is added in the same pass. One exponential serves both Φ and φ, and the code has no branches, so that
// the compiler vectorizes the loops over it.

// Φ(x) and φ(x).
template <typename Scalar>
struct Distribution {
  Scalar cumulative = 0;
  Scalar density = 0;
};

// e^x for x <= 0, with an error of 2 units in the last place; arguments below -87 count as -87. The polynomial is that
// of Cephes' expf (Moshier 1989).
[[gnu::always_inline]] inline float exp_of_negative(float x) {
  constexpr float kRound = 12582912.0F;  // 1.5 * 2^23: adding it rounds to a whole number
  constexpr float kLn2High = 0.693359375F;
  constexpr float kLn2Low = -2.12194440e-4F;
  const float bounded = x < -87.0F ? -87.0F : x;
  const float shifted = bounded * std::numbers::log2e_v<float> + kRound;
  const float n = shifted - kRound;
  const float r = bounded - n * kLn2High - n * kLn2Low;
  float polynomial = 1.9875691500e-4F;
  polynomial = polynomial * r + 1.3981999507e-3F;
  polynomial = polynomial * r + 8.3334519073e-3F;
  polynomial = polynomial * r + 4.1665795894e-2F;
  polynomial = polynomial * r + 1.6666665459e-1F;
  polynomial = polynomial * r + 5.0000001201e-1F;
  const float mantissa = polynomial * r * r + r + 1.0F;
  const std::uint32_t exponent = (std::bit_cast<std::uint32_t>(shifted) + 127U) << 23U;
  return mantissa * std::bit_cast<float>(exponent);
}

[[gnu::always_inline]] inline double exp_of_negative(double x) { return std::exp(x); }

// The normal distribution. Φ with an error of 1e-7 (Abramowitz and Stegun, 7.1.26), the same approximation as in ATen's
// vectorized erf.
struct Normal {
  [[gnu::always_inline]] static Distribution<float> at(float x) {
    const float exponential = exp_of_negative(-0.5F * x * x);
    const float t = 1.0F / (1.0F + 0.3275911F * std::numbers::sqrt2_v<float> / 2.0F * std::fabs(x));
    float polynomial = 1.061405429F;
    polynomial = polynomial * t - 1.453152027F;
    polynomial = polynomial * t + 1.421413741F;
    polynomial = polynomial * t - 0.284496736F;
    polynomial = polynomial * t + 0.254829592F;
    const float tail = 0.5F * polynomial * t * exponential;
    return {x < 0.0F ? tail : 1.0F - tail,
            exponential * static_cast<float>(std::numbers::inv_sqrtpi / std::numbers::sqrt2)};
  }
  [[gnu::always_inline]] static Distribution<double> at(double x) {
    return {0.5 * std::erfc(-x / std::numbers::sqrt2),
            std::exp(-0.5 * x * x) * std::numbers::inv_sqrtpi / std::numbers::sqrt2};
  }
};

// Φ(x) = (1 + tanh(u)) / 2 = 1 / (1 + e^-2u) with u = √(2/π) (x + 0.044715 x³), and φ(x) = 2 u' Φ(x) (1 - Φ(x)).
struct NearlyNormal {
  template <typename Scalar>
  [[gnu::always_inline]] static Distribution<Scalar> at(Scalar x) {
    constexpr auto kFactor = static_cast<Scalar>(2 * std::numbers::sqrt2 * std::numbers::inv_sqrtpi);
    constexpr auto kCubic = static_cast<Scalar>(0.044715);
    const Scalar square = kCubic * x * x;
    const Scalar exponential = exp_of_negative(-std::fabs(kFactor * x * (1 + square)));
    const Scalar larger = 1 / (1 + exponential);
    const Scalar smaller = exponential * larger;
    return {x < 0 ? smaller : larger, kFactor * (1 + 3 * square) * smaller * larger};
  }
};

template <typename Curve, typename Scalar>
[[gnu::always_inline]] inline void add_and_activate(Scalar* row, const Scalar* bias, std::int64_t width,
                                                    Scalar* output) {
  for (std::int64_t i = 0; i < width; ++i) {
    row[i] += bias[i];
    output[i] = row[i] * Curve::at(row[i]).cumulative;
  }
}

template <typename Curve, typename Scalar>
[[gnu::always_inline]] inline void differentiate(const Scalar* input, const Scalar* output_gradient, std::int64_t count,
                                                 Scalar* gradient) {
  for (std::int64_t i = 0; i < count; ++i) {
    const Distribution<Scalar> at = Curve::at(input[i]);
    gradient[i] = output_gradient[i] * (at.cumulative + input[i] * at.density);
  }
}

TUNESCOPE_VECTOR_CLONES void activate_row(Normal, float* row, const float* bias, std::int64_t width, float* output) {
  add_and_activate<Normal>(row, bias, width, output);
}
TUNESCOPE_VECTOR_CLONES void activate_row(Normal, double* row, const double* bias, std::int64_t width, double* output) {
  add_and_activate<Normal>(row, bias, width, output);
}

TUNESCOPE_VECTOR_CLONES void activate_row(NearlyNormal, float* row, const float* bias, std::int64_t width,
                                          float* output) {
  add_and_activate<NearlyNormal>(row, bias, width, output);
}
TUNESCOPE_VECTOR_CLONES void activate_row(NearlyNormal, double* row, const double* bias, std::int64_t width,
                                          double* output) {
  add_and_activate<NearlyNormal>(row, bias, width, output);
}

TUNESCOPE_VECTOR_CLONES void differentiate_all(Normal, const float* input, const float* output_gradient,
                                               std::int64_t count, float* gradient) {
  differentiate<Normal>(input, output_gradient, count, gradient);
}
TUNESCOPE_VECTOR_CLONES void differentiate_all(Normal, const double* input, const double* output_gradient,
                                               std::int64_t count, double* gradient) {
  differentiate<Normal>(input, output_gradient, count, gradient);
}

TUNESCOPE_VECTOR_CLONES void differentiate_all(NearlyNormal, const float* input, const float* output_gradient,
                                               std::int64_t count, float* gradient) {
  differentiate<NearlyNormal>(input, output_gradient, count, gradient);
}
TUNESCOPE_VECTOR_CLONES void differentiate_all(NearlyNormal, const double* input, const double* output_gradient,
                                               std::int64_t count, double* gradient) {
  differentiate<NearlyNormal>(input, output_gradient, count, gradient);
}

template <typename Work>
void with_curve(Activation activation, Work work) {
  activation == Activation::kGelu ? work(Normal()) : work(NearlyNormal());
}

}  // namespace

void bias_activation(Activation activation, const at::Tensor& values, const PerModelTensors& bias,
                     const RowLayout& rows, const TypedResult& output) {
  const std::int64_t width = values.size(1);
  compute_and_round(output, values, [&](const at::Tensor& own) {
    AT_DISPATCH_FLOATING_TYPES(own.scalar_type(), "bias_activation", [&] {
      scalar_t* const input = values.mutable_data_ptr<scalar_t>();
      scalar_t* const activated = own.mutable_data_ptr<scalar_t>();
      const std::vector<const scalar_t*> biases = pointers<scalar_t>(bias);
      with_curve(activation, [&](auto curve) {
        for_each_row(rows, [&](const Row& row) {
          activate_row(curve, input + row.index * width, biases[row.model], width, activated + row.index * width);
        });
      });
    });
  });
}

void activation_backward(Activation activation, const at::Tensor& input, const at::Tensor& output_gradient,
                         const TypedResult& gradient) {
  constexpr std::int64_t kMinElementsPerThread = 16384;
  compute_and_round(gradient, input, [&](const at::Tensor& own) {
    AT_DISPATCH_FLOATING_TYPES(own.scalar_type(), "activation_backward", [&] {
      const scalar_t* const x = input.const_data_ptr<scalar_t>();
      const scalar_t* const from = output_gradient.const_data_ptr<scalar_t>();
      scalar_t* const to = own.mutable_data_ptr<scalar_t>();
      with_curve(activation, [&](auto curve) {
        at::parallel_for(0, input.numel(), kMinElementsPerThread, [&](std::int64_t begin, std::int64_t end) {
          differentiate_all(curve, x + begin, from + begin, end - begin, to + begin);
        });
      });
    });
  });
}

}  // namespace tunescope::cpu
