#pragma once

#include <memory>

#include "tunescope/model/bert/bert_config.hpp"
#include "tunescope/model/network.hpp"

namespace tunescope {

/// BERT with a classification head (Devlin et al. 2019). Tensor names and arithmetic are those of Hugging Face's
/// BertForSequenceClassification.
std::shared_ptr<const Network> make_bert(const BertConfig& config);

}  // namespace tunescope
