#include "checkpoint_names.hpp"

#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>

#include <algorithm>
#include <array>
#include <set>
#include <string_view>

#include "tunescope/base/error.hpp"

namespace tunescope {
namespace {

constexpr std::size_t kReportedTensors = 5;

// Parts of names that wrappers add at any place: torch.compile, FSDP, activation checkpointing.
constexpr std::array<std::string_view, 3> kWrappers = {"_orig_mod.", "_fsdp_wrapped_module.",
                                                       "_checkpoint_wrapped_module."};
// Prefixes: DataParallel, Lightning and Trainer-like loops, peft after a merge, sentence-transformers.
constexpr std::array<std::string_view, 6> kOwners = {"module.",   "model.",      "base_model.",
                                                     "backbone.", "auto_model.", "0."};

std::string without_wrappers(std::string name) {
  for (const std::string_view wrapper : kWrappers) {
    for (std::size_t at = name.find(wrapper); at != std::string::npos; at = name.find(wrapper, at)) {
      if (at == 0 || name[at - 1] == '.') {
        name.erase(at, wrapper.size());
      } else {
        at += wrapper.size();
      }
    }
  }
  const auto begins = [&](std::string_view owner) { return name.starts_with(owner); };
  for (auto owner = std::find_if(kOwners.begin(), kOwners.end(), begins); owner != kOwners.end();
       owner = std::find_if(kOwners.begin(), kOwners.end(), begins)) {
    name.erase(0, owner->size());
  }
  return name;
}

// Buffers that old versions of transformers saved. The last two are the masks of GPT-2's causal attention.
bool is_buffer(const std::string& name) {
  return name.ends_with("embeddings.position_ids") || name.ends_with("embeddings.token_type_ids") ||
         name.ends_with(".attn.bias") || name.ends_with(".attn.masked_bias");
}

// What the names of an architecture's backbone look like.
struct Naming {
  explicit Naming(const Network& network, const ParameterCatalogue& catalogue)
      : prefix(network.prefix()), first(catalogue[0].name.substr(prefix.size())), unused(network.unused_parts()) {
    for (ParameterIndex i = 0; i < catalogue.backbone_count(); ++i) {
      const std::string name = catalogue[i].name.substr(prefix.size());
      parts.insert(name.substr(0, name.find('.') + 1));
    }
  }

  bool begins_with_part(const std::string& name) const {
    return parts.contains(name.substr(0, name.find('.') + 1)) || is_unused(name);
  }
  // Of a name without the prefix.
  bool is_unused(std::string_view name) const {
    return std::ranges::any_of(unused, [&](std::string_view part) { return name.starts_with(part); });
  }

  std::string_view prefix;
  std::string first;            // the first tensor's name without the prefix
  std::set<std::string> parts;  // "embeddings." and so on
  std::vector<std::string_view> unused;
};

// The name that the catalogue has for this tensor if it belongs to the encoder; nothing if it belongs to a head.
std::optional<std::string> canonical_name(const std::string& stored, const Naming& naming) {
  std::string name = without_wrappers(stored);
  if (!name.starts_with(naming.prefix)) {
    if (!naming.begins_with_part(name)) return std::nullopt;
    name.insert(0, naming.prefix);
  }
  // TensorFlow conversions call LayerNorm's weight and bias gamma and beta.
  if (name.ends_with("LayerNorm.gamma")) return name.substr(0, name.size() - 5) + "weight";
  if (name.ends_with("LayerNorm.beta")) return name.substr(0, name.size() - 4) + "bias";
  return name;
}

std::string list(std::vector<std::string> names) {
  const std::size_t count = names.size();
  if (count <= kReportedTensors) return fmt::format("{}", fmt::join(names, ", "));
  names.resize(kReportedTensors);
  return fmt::format("{} and {} more", fmt::join(names, ", "), count - kReportedTensors);
}

struct Problems {
  std::vector<std::string> missing;
  std::vector<std::string> misshapen;
  std::vector<std::string> unexpected;

  bool any() const { return !missing.empty() || !misshapen.empty() || !unexpected.empty(); }
};

bool contains(const std::vector<std::string>& names, std::string_view part) {
  return std::any_of(names.begin(), names.end(), [&](const std::string& name) { return name.find(part) != name.npos; });
}

// What the user should do, as far as the names reveal it.
std::string remedy(const Problems& problems, const std::vector<std::string>& left_out, const Naming& naming) {
  if (contains(problems.unexpected, "lora_") || contains(problems.unexpected, "adapter")) {
    return "; merge the adapter into the weights first (merge_and_unload of peft) and save them";
  }
  const auto encoder =
      std::ranges::find_if(left_out, [&](const std::string& name) { return name.ends_with(naming.first); });
  if (encoder != left_out.end() && contains(problems.missing, naming.first)) {
    return fmt::format(
        "; the encoder's names seem to begin with '{}' where '{}' or nothing is expected: save the "
        "encoder alone, or rename its tensors",
        encoder->substr(0, encoder->size() - naming.first.size()), naming.prefix);
  }
  return "; take config.json and weights from one folder, as save_pretrained of transformers writes them";
}

[[noreturn]] void refuse(const Problems& problems, const std::vector<std::string>& left_out, const Naming& naming,
                         const std::filesystem::path& folder) {
  std::string text;
  if (!problems.missing.empty()) text += "; missing: " + list(problems.missing);
  if (!problems.misshapen.empty()) text += "; wrongly shaped: " + list(problems.misshapen);
  if (!problems.unexpected.empty()) text += "; unexpected: " + list(problems.unexpected);
  if (!problems.missing.empty() && !left_out.empty()) text += "; left out: " + summarize_names(left_out);
  throw ModelError(fmt::format("{}: the weights do not fit config.json{}{}", folder.string(), text,
                               remedy(problems, left_out, naming)));
}

bool is_pooler(const ParameterInfo& parameter) { return parameter.block == Block::kPooler; }

// Maps canonical names to stored names for the tensors of the encoder. All others go to `left_out`: those of heads, and
// those that the network does not use.
std::map<std::string, std::string> sort_names(const Safetensors& file, const Naming& naming,
                                              std::vector<std::string>& left_out, const std::filesystem::path& folder) {
  std::map<std::string, std::string> encoder;
  for (const std::string& stored : file.names()) {
    if (is_buffer(stored)) continue;
    const std::optional<std::string> canonical = canonical_name(stored, naming);
    if (!canonical || naming.is_unused(std::string_view(*canonical).substr(naming.prefix.size()))) {
      left_out.push_back(stored);
      continue;
    }
    const auto [earlier, is_new] = encoder.emplace(*canonical, stored);
    if (!is_new) {
      throw ModelError(fmt::format("{}: tensors {} and {} are the same parameter; remove one of them", folder.string(),
                                   earlier->second, stored));
    }
  }
  return encoder;
}

}  // namespace

CheckpointNames match_names(const Safetensors& file, const Network& network, const std::filesystem::path& folder) {
  const ParameterCatalogue catalogue = network.catalogue(1);
  CheckpointNames names;
  Problems problems;
  const std::vector<ParameterInfo>& parameters = catalogue.parameters();
  const bool uses_pooler = std::any_of(parameters.begin(), parameters.end(), is_pooler);
  const Naming naming(network, catalogue);
  std::map<std::string, std::string> encoder = sort_names(file, naming, names.left_out, folder);
  names.has_pooler = !uses_pooler || std::any_of(parameters.begin(), parameters.end(), [&](const ParameterInfo& info) {
    return is_pooler(info) && encoder.contains(info.name);
  });
  for (ParameterIndex i = 0; i < catalogue.backbone_count(); ++i) {
    const ParameterInfo& parameter = catalogue[i];
    const auto found = encoder.find(parameter.name);
    if (found == encoder.end()) {
      if (names.has_pooler || !is_pooler(parameter)) problems.missing.push_back(parameter.name);
      names.stored.emplace_back();
      continue;
    }
    names.stored.emplace_back(found->second);
    if (file.shape(found->second) != parameter.shape) {
      problems.misshapen.push_back(fmt::format("{} [{}], but config.json implies [{}]", found->second,
                                               fmt::join(file.shape(found->second), ", "),
                                               fmt::join(parameter.shape, ", ")));
    }
    encoder.erase(found);
  }
  for (const auto& [canonical, stored] : encoder) problems.unexpected.push_back(stored);
  if (problems.any()) refuse(problems, names.left_out, naming, folder);
  return names;
}

// The names of the pre-training heads ("cls.") are grouped by their first two parts.
std::string summarize_names(const std::vector<std::string>& names) {
  std::map<std::string, std::vector<std::string>> groups;
  for (const std::string& name : names) {
    std::size_t end = name.find('.');
    if (name.starts_with("cls.")) end = name.find('.', 4);
    groups[end == std::string::npos ? name : name.substr(0, end)].push_back(name);
  }
  std::vector<std::string> texts;
  for (const auto& [group, members] : groups) {
    texts.push_back(members.size() == 1 ? members.front() : fmt::format("{}.* ({} tensors)", group, members.size()));
  }
  return list(texts);
}

}  // namespace tunescope
