#include "tunescope/text/tokenizer/sequence_template.hpp"

namespace tunescope {
namespace {

std::vector<TemplatePiece> read_pieces(const JsonObject& processor, const std::string& key,
                                       const std::vector<std::string>& texts) {
  std::vector<TemplatePiece> pieces;
  std::vector<std::string> found;
  for (const JsonObject& piece : processor.objects(key)) {
    const bool is_special = piece.has("SpecialToken");
    const JsonObject content = piece.object(is_special ? "SpecialToken" : "Sequence");
    const std::size_t type = content.number("type_id");
    if (type > 1) content.fail("type_id", "is " + std::to_string(type) + " where 0 or 1 is expected");
    pieces.push_back({(is_special ? "" : "$") + content.text("id"), static_cast<std::int32_t>(type)});
    if (!is_special) found.push_back(pieces.back().token);
  }
  if (found != texts) {
    processor.fail(key, "is '" + describe(pieces) + "', which does not have each text once and in order");
  }
  return pieces;
}

// The token of an entry such as "cls": ["[CLS]", 101].
std::string named_token(const JsonObject& processor, const std::string& key) {
  const nlohmann::json& pair = processor.value().value(key, nlohmann::json());
  if (!pair.is_array() || pair.empty() || !pair[0].is_string()) processor.fail(key, "is not a token and its id");
  return pair[0].get<std::string>();
}

SequenceTemplate plain_template() { return {.single = {{"$A"}}, .pair = {{"$A"}, {"$B"}}}; }

SequenceTemplate read_processor(const JsonObject& processor) {
  const std::string type = processor.text("type");
  if (type == "TemplateProcessing") {
    return {.single = read_pieces(processor, "single", {"$A"}), .pair = read_pieces(processor, "pair", {"$A", "$B"})};
  }
  if (type == "BertProcessing") return bert_template(named_token(processor, "cls"), named_token(processor, "sep"));
  if (type == "RobertaProcessing")
    return roberta_template(named_token(processor, "cls"), named_token(processor, "sep"));
  if (type == "ByteLevel") return plain_template();  // it changes offsets only
  processor.fail(
      "type", "is '" + type + "' where TemplateProcessing, BertProcessing, RobertaProcessing or ByteLevel is expected");
}

}  // namespace

SequenceTemplate bert_template(const std::string& class_token, const std::string& separator_token) {
  return {.single = {{class_token, 0}, {"$A", 0}, {separator_token, 0}},
          .pair = {{class_token, 0}, {"$A", 0}, {separator_token, 0}, {"$B", 1}, {separator_token, 1}}};
}

SequenceTemplate roberta_template(const std::string& class_token, const std::string& separator_token) {
  return {.single = {{class_token}, {"$A"}, {separator_token}},
          .pair = {{class_token}, {"$A"}, {separator_token}, {separator_token}, {"$B"}, {separator_token}}};
}

std::string describe(const std::vector<TemplatePiece>& pieces) {
  std::string description;
  for (const TemplatePiece& piece : pieces) {
    if (!description.empty()) description += ' ';
    description += piece.token + ":" + std::to_string(piece.type_id);
  }
  return description;
}

std::optional<SequenceTemplate> read_post_processor(const JsonObject& file) {
  if (!file.has("post_processor")) return std::nullopt;
  const JsonObject processor = file.object("post_processor");
  if (processor.text("type") != "Sequence") return read_processor(processor);
  SequenceTemplate sequence = plain_template();
  for (const JsonObject& part : processor.objects("processors")) {
    if (part.text("type") == "ByteLevel") continue;
    if (sequence != plain_template()) processor.fail("processors", "has two that add special tokens; expected one");
    sequence = read_processor(part);
  }
  return sequence;
}

}  // namespace tunescope
