#include "model/config/config_keys.hpp"

#include <array>

namespace tunescope {
namespace {

constexpr KeyUse kRead = KeyUse::kRead;
constexpr KeyUse kRefused = KeyUse::kRefused;
constexpr KeyUse kWarned = KeyUse::kWarned;
constexpr KeyUse kHarmless = KeyUse::kHarmless;

constexpr std::string_view kOwnHead = "the head of another task; every trial starts one of its own";
constexpr std::string_view kSummary = "of heads for multiple choice";
constexpr std::string_view kOutputs = "what a call of transformers returns";
constexpr std::string_view kLanguageModel = "of a language-model head, which is left out";
constexpr std::string_view kGeneration = "of text generation";
constexpr std::string_view kProvenance = "says where the model comes from";
constexpr std::string_view kSpeed = "changes speed or memory, not the result";
constexpr std::string_view kToken = "token ids come from the tokenizer's files";
constexpr std::string_view kOldPooler = "of Google's multilingual files; BERT's code has never read it";

// BERT's, whose names its descendants keep.
constexpr std::array kBertKeys = std::to_array<ConfigKey>({
    {"hidden_size", kRead},
    {"num_hidden_layers", kRead},
    {"num_attention_heads", kRead},
    {"intermediate_size", kRead},
    {"max_position_embeddings", kRead},
    {"type_vocab_size", kRead},
    {"hidden_act", kRead},
    {"layer_norm_eps", kRead},
    {"hidden_dropout_prob", kRead},
    {"attention_probs_dropout_prob", kRead},
    {"classifier_dropout", kRead},
    {"position_embedding_type", kRefused, "only absolute positions are supported", "absolute"},
    {"is_decoder", kRefused, "a decoder hides later tokens from earlier ones, which this architecture does not"},
    {"directionality", kHarmless, kOldPooler},
    {"pooler_fc_size", kHarmless, kOldPooler},
    {"pooler_num_attention_heads", kHarmless, kOldPooler},
    {"pooler_num_fc_layers", kHarmless, kOldPooler},
    {"pooler_size_per_head", kHarmless, kOldPooler},
    {"pooler_type", kHarmless, kOldPooler},
});

// ELECTRA's besides.
constexpr std::array kElectraKeys = std::to_array<ConfigKey>({
    {"embedding_size", kRead},
    {"summary_type", kHarmless, kSummary},
    {"summary_use_proj", kHarmless, kSummary},
    {"summary_activation", kHarmless, kSummary},
    {"summary_last_dropout", kHarmless, kSummary},
});

// DeBERTa's besides, or in another meaning.
constexpr std::array kDebertaKeys = std::to_array<ConfigKey>({
    {"relative_attention", kRead},
    {"max_relative_positions", kRead},
    {"position_buckets", kRead},
    {"norm_rel_ebd", kRead},
    {"share_att_key", kRead},
    {"pos_att_type", kRead},
    {"position_biased_input", kRead},
    {"embedding_size", kRead},
    {"attention_head_size", kRead, "what hidden_size and num_attention_heads imply"},
    {"pooler_hidden_size", kRead, "what hidden_size implies"},
    {"pooler_dropout", kRead},
    {"pooler_hidden_act", kRead},
    {"cls_dropout", kRead},
    {"conv_kernel_size", kRead},
    {"conv_groups", kRead},
    {"conv_act", kRead},
    {"classifier_dropout", kHarmless, "DeBERTa's code reads cls_dropout"},
    {"legacy", kHarmless, kLanguageModel},
    {"z_steps", kHarmless, "of an experiment that transformers' code leaves out"},
});

constexpr std::array kDistilbertKeys = std::to_array<ConfigKey>({
    {"dim", kRead},
    {"hidden_size", kRead, "another name of dim"},
    {"n_layers", kRead},
    {"num_hidden_layers", kRead, "another name of n_layers"},
    {"n_heads", kRead},
    {"num_attention_heads", kRead, "another name of n_heads"},
    {"hidden_dim", kRead},
    {"max_position_embeddings", kRead},
    {"activation", kRead},
    {"dropout", kRead},
    {"attention_dropout", kRead},
    {"seq_classif_dropout", kRead},
    {"sinusoidal_pos_embds", kHarmless, "positions are in the weights, however they came about"},
    {"qa_dropout", kHarmless, kOwnHead},
    {"tie_weights_", kHarmless, kLanguageModel},
});

constexpr std::array kGpt2Keys = std::to_array<ConfigKey>({
    {"n_embd", kRead},
    {"hidden_size", kRead, "another name of n_embd"},
    {"n_layer", kRead},
    {"num_hidden_layers", kRead, "another name of n_layer"},
    {"n_head", kRead},
    {"num_attention_heads", kRead, "another name of n_head"},
    {"n_positions", kRead},
    {"max_position_embeddings", kRead, "another name of n_positions"},
    {"n_inner", kRead},
    {"activation_function", kRead},
    {"layer_norm_epsilon", kRead},
    {"embd_pdrop", kRead},
    {"attn_pdrop", kRead},
    {"resid_pdrop", kRead},
    {"scale_attn_weights", kRead},
    {"scale_attn_by_inverse_layer_idx", kRead},
    {"n_ctx", kHarmless, "of old files, never read by GPT-2's code; n_positions counts"},
    {"reorder_and_upcast_attn", kHarmless, "changes rounding only"},
    {"is_decoder", kHarmless, "GPT-2 is one in any case"},
    {"summary_type", kHarmless, kSummary},
    {"summary_use_proj", kHarmless, kSummary},
    {"summary_activation", kHarmless, kSummary},
    {"summary_proj_to_labels", kHarmless, kSummary},
    {"summary_first_dropout", kHarmless, kSummary},
});

// Of all architectures.
constexpr std::array kCommonKeys = std::to_array<ConfigKey>({
    {"model_type", kRead},
    {"architectures", kRead, "if there is no model_type"},
    {"vocab_size", kRead},
    {"initializer_range", kRead, "for the head, and for a pooler that is newly drawn"},

    {"add_cross_attention", kRefused, "only models that read one text are supported"},
    {"quantization_config", kRefused, "quantized weights are not supported: take those from before quantization"},
    {"compression_config", kRefused, "quantized weights are not supported: take those from before quantization"},
    {"pruned_heads", kRefused, "layers with fewer heads than num_attention_heads are not supported"},
    {"per_layer_config", kRefused, "layers that differ from each other are not supported"},

    {"auto_map", kWarned, "names code of its own, which is not run: the model is read as transformers' own"},

    {"num_labels", kHarmless, kOwnHead},
    {"id2label", kHarmless, kOwnHead},
    {"label2id", kHarmless, kOwnHead},
    {"_num_labels", kHarmless, kOwnHead},
    {"problem_type", kHarmless, kOwnHead},
    {"finetuning_task", kHarmless, kOwnHead},
    {"task_specific_params", kHarmless, kOwnHead},
    {"tie_word_embeddings", kHarmless, kLanguageModel},
    {"tie_encoder_decoder", kHarmless, kLanguageModel},
    {"is_encoder_decoder", kHarmless, "an encoder does not read it"},
    {"cross_attention_hidden_size", kHarmless, "an encoder does not read it"},
    {"dtype", kHarmless, "weights of any floating type are computed with in float32"},
    {"torch_dtype", kHarmless, "weights of any floating type are computed with in float32"},
    {"use_bfloat16", kHarmless, "weights of any floating type are computed with in float32"},
    {"pad_token_id", kHarmless,
     "batches have no padding; RoBERTa numbers positions from it, and GPT-2's head skips it"},
    {"bos_token_id", kHarmless, kToken},
    {"eos_token_id", kHarmless, kToken},
    {"sep_token_id", kHarmless, kToken},
    {"cls_token_id", kHarmless, kToken},
    {"mask_token_id", kHarmless, kToken},
    {"unk_token_id", kHarmless, kToken},
    {"decoder_start_token_id", kHarmless, kGeneration},
    {"tokenizer_class", kHarmless, "that of tokenizer_config.json counts"},
    {"prefix", kHarmless, kGeneration},
    {"chunk_size_feed_forward", kHarmless, kSpeed},
    {"gradient_checkpointing", kHarmless, kSpeed},
    {"attn_implementation", kHarmless, kSpeed},
    {"_attn_implementation", kHarmless, kSpeed},
    {"_attn_implementation_autoset", kHarmless, kSpeed},
    {"experts_implementation", kHarmless, kSpeed},
    {"_experts_implementation", kHarmless, kSpeed},
    {"xla_device", kHarmless, kSpeed},
    {"use_cache", kHarmless, kGeneration},
    {"output_attentions", kHarmless, kOutputs},
    {"output_hidden_states", kHarmless, kOutputs},
    {"output_past", kHarmless, kOutputs},
    {"return_dict", kHarmless, kOutputs},
    {"use_return_dict", kHarmless, kOutputs},
    {"tie_last_hidden_states", kHarmless, kOutputs},
    {"torchscript", kHarmless, kOutputs},
    {"tf_legacy_loss", kHarmless, kOwnHead},
    {"_name_or_path", kHarmless, kProvenance},
    {"name_or_path", kHarmless, kProvenance},
    {"_commit_hash", kHarmless, kProvenance},
    {"transformers_version", kHarmless, kProvenance},
    {"adapters", kHarmless, "adapter tensors in the weights are refused by name"},

    {"max_length", kHarmless, kGeneration},
    {"min_length", kHarmless, kGeneration},
    {"do_sample", kHarmless, kGeneration},
    {"early_stopping", kHarmless, kGeneration},
    {"num_beams", kHarmless, kGeneration},
    {"num_beam_groups", kHarmless, kGeneration},
    {"diversity_penalty", kHarmless, kGeneration},
    {"temperature", kHarmless, kGeneration},
    {"top_k", kHarmless, kGeneration},
    {"top_p", kHarmless, kGeneration},
    {"typical_p", kHarmless, kGeneration},
    {"repetition_penalty", kHarmless, kGeneration},
    {"length_penalty", kHarmless, kGeneration},
    {"no_repeat_ngram_size", kHarmless, kGeneration},
    {"encoder_no_repeat_ngram_size", kHarmless, kGeneration},
    {"bad_words_ids", kHarmless, kGeneration},
    {"num_return_sequences", kHarmless, kGeneration},
    {"output_scores", kHarmless, kGeneration},
    {"return_dict_in_generate", kHarmless, kGeneration},
    {"forced_bos_token_id", kHarmless, kGeneration},
    {"forced_eos_token_id", kHarmless, kGeneration},
    {"remove_invalid_values", kHarmless, kGeneration},
    {"exponential_decay_length_penalty", kHarmless, kGeneration},
    {"suppress_tokens", kHarmless, kGeneration},
    {"begin_suppress_tokens", kHarmless, kGeneration},
});

}  // namespace

std::vector<std::span<const ConfigKey>> config_keys(std::string_view model_type) {
  if (model_type == "distilbert") return {kDistilbertKeys, kCommonKeys};
  if (model_type == "electra") return {kBertKeys, kElectraKeys, kCommonKeys};
  if (model_type == "deberta-v2") return {kDebertaKeys, kBertKeys, kCommonKeys};
  if (model_type == "gpt2") return {kGpt2Keys, kCommonKeys};
  return {kBertKeys, kCommonKeys};
}

}  // namespace tunescope
