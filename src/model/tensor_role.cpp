#include "tunescope/model/tensor_role.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace tunescope {
namespace {

struct DenseRole {
  std::string_view layer;  // Hugging Face's name without "weight" or "bias"
  std::string_view role;
};

constexpr std::array kDenseRoles = std::to_array<DenseRole>({
    // BERT, RoBERTa and ELECTRA
    {"attention.self.query", "query"},
    {"attention.self.key", "key"},
    {"attention.self.value", "value"},
    {"attention.output.dense", "attention_output"},
    {"intermediate.dense", "intermediate"},
    {"output.dense", "output"},
    {"embeddings_project", "embeddings.projection"},
    // DistilBERT
    {"attention.q_lin", "query"},
    {"attention.k_lin", "key"},
    {"attention.v_lin", "value"},
    {"attention.out_lin", "attention_output"},
    {"ffn.lin1", "intermediate"},
    {"ffn.lin2", "output"},
    // GPT-2
    {"attn.c_attn", "query_key_value"},
    {"attn.c_proj", "attention_output"},
    {"mlp.c_fc", "intermediate"},
    {"mlp.c_proj", "output"},
    // DeBERTa
    {"attention.self.query_proj", "query"},
    {"attention.self.key_proj", "key"},
    {"attention.self.value_proj", "value"},
    {"attention.self.pos_query_proj", "position_query"},
    {"attention.self.pos_key_proj", "position_key"},
    {"embed_proj", "embeddings.projection"},
    {"conv", "convolution"},
});

struct TableRole {
  std::string_view table;
  std::string_view role;
};

constexpr std::array kTableRoles = std::to_array<TableRole>({
    {"word_embeddings", "embeddings.word"},
    {"wte", "embeddings.word"},
    {"position_embeddings", "embeddings.position"},
    {"wpe", "embeddings.position"},
    {"token_type_embeddings", "embeddings.token_type"},
    {"rel_embeddings", "embeddings.relative"},
});

std::string_view role_of_norm(Follows follows) {
  switch (follows) {
    case Follows::kEmbeddings:
      return "norm.after_embeddings";
    case Follows::kAttention:
      return "norm.after_attention";
    case Follows::kFeedForward:
      return "norm.after_feed_forward";
    case Follows::kOther:
      break;
  }
  return "norm.other";
}

std::string role_of_dense(std::string_view layer, const ParameterInfo& parameter) {
  const auto* known =
      std::find_if(kDenseRoles.begin(), kDenseRoles.end(), [&](const DenseRole& row) { return row.layer == layer; });
  const std::string role(known == kDenseRoles.end() ? "other" : known->role);
  if (!parameter.is_bias) return role + ".weight";
  return role + (parameter.has_no_gradient ? ".bias.no_gradient" : ".bias");
}

}  // namespace

std::string role_of(const ParameterInfo& parameter) {
  if (parameter.block == Block::kPooler) return "pooler." + parameter.component;
  if (parameter.is_head()) return "head." + parameter.component;
  if (parameter.follows) {
    return std::string(role_of_norm(*parameter.follows)) + (parameter.is_bias ? ".bias" : ".weight");
  }
  const std::string_view component = parameter.component;
  const std::string_view layer = component.substr(0, component.rfind('.'));
  if (parameter.role != ParameterRole::kEmbedding) return role_of_dense(layer, parameter);
  const auto* known =
      std::find_if(kTableRoles.begin(), kTableRoles.end(), [&](const TableRole& row) { return row.table == layer; });
  return std::string(known == kTableRoles.end() ? "embeddings.other" : known->role);
}

}  // namespace tunescope
