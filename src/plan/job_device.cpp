#include "tunescope/plan/job_device.hpp"

#include "tunescope/device/gpu.hpp"

namespace tunescope {

c10::Device job_device(const SweepSpec& spec, int local_rank, Stages stages) {
  const c10::Device device = choose_device(spec.device, local_rank);
  if (spec.train.precision == Precision::kTf32) require_tf32("train", device, describe_gpu(device));
  const bool is_fisher_in_tf32 = stages == Stages::kTrainingAndFisher && spec.fisher.precision == Precision::kTf32;
  if (is_fisher_in_tf32) require_tf32("fisher", device, describe_gpu(device));
  return device;
}

}  // namespace tunescope
