#pragma once

#include <filesystem>
#include <string>

#include "tunescope/model/export/exported_model.hpp"

namespace tunescope {

// A folder of the library PEFT holds what a method has trained, apart from the pre-trained model. Three of PEFT's
// methods are written: LN_TUNING, which has trained copies of LayerNorms; LORA; and IA3. The head, a newly drawn
// pooler, and LayerNorms that are trained beside LoRA or IA3 are PEFT's `modules_to_save`. PEFT adds to whole layers. A
// layer that computes queries, keys and values together, as GPT-2's, gets one matrix or vector made of those of its
// parts, with zeros or ones where there is none.

/// Why PEFT has no method for a model, as what follows "which"; empty if it has.
std::string peft_folder_problem(const ExportedModel& model);

/// Writes adapter_config.json and adapter_model.safetensors into a new folder, which
/// `peft.PeftModel.from_pretrained(base, folder)` loads onto the pre-trained model with a head of as many outputs. The
/// folder appears when it is complete. There must be no `peft_folder_problem`. Throws as `check_export_folder`.
void write_peft_folder(const ExportedModel& model, const std::filesystem::path& folder);

}  // namespace tunescope
