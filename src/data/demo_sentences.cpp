#include "demo_sentences.hpp"

#include <spdlog/fmt/fmt.h>

#include <array>
#include <map>

#include "tunescope/base/error.hpp"

namespace tunescope {
namespace {

template <typename Item, std::size_t count>
const Item& pick(const std::array<Item, count>& items, RandomStream& random) {
  return items[random.below(count)];
}

// A random item other than `used`.
template <typename Item, std::size_t count>
const Item& pick_other(const std::array<Item, count>& items, const Item& used, RandomStream& random) {
  for (;;) {
    const Item& item = pick(items, random);
    if (&item != &used) return item;
  }
}

constexpr std::array<std::string_view, 12> kPeople = {"The teacher", "A farmer",   "The doctor",   "My neighbour",
                                                      "The pilot",   "A student",  "The mayor",    "An old sailor",
                                                      "The painter", "The lawyer", "A young girl", "The baker"};
constexpr std::array<std::string_view, 12> kPlaces = {"London", "the garden",  "Berlin", "the kitchen",
                                                      "Paris",  "the park",    "Rome",   "the library",
                                                      "Madrid", "the harbour", "Oslo",   "the market"};

// An action on a thing, in two wordings.
struct Action {
  std::string_view past;
  std::string_view paraphrase;
};
constexpr std::array<Action, 8> kActions = {{{"bought", "purchased"},
                                             {"repaired", "fixed"},
                                             {"sold", "got rid of"},
                                             {"found", "discovered"},
                                             {"painted", "put colour on"},
                                             {"lost", "could not find"},
                                             {"borrowed", "took on loan"},
                                             {"cleaned", "washed"}}};
struct Thing {
  std::string_view name;
  std::string_view kind;
};
constexpr std::array<Thing, 10> kThings = {{{"a car", "a vehicle"},
                                            {"a rose", "a flower"},
                                            {"a violin", "an instrument"},
                                            {"a hammer", "a tool"},
                                            {"a poodle", "a dog"},
                                            {"a novel", "a book"},
                                            {"a chair", "some furniture"},
                                            {"a kettle", "something for the kitchen"},
                                            {"a coat", "some clothing"},
                                            {"a boat", "a ship"}}};

struct Event {
  const std::string_view& person;
  const Action& action;
  const Thing& thing;
  const std::string_view& place;
};

Event draw_event(RandomStream& random) {
  return {pick(kPeople, random), pick(kActions, random), pick(kThings, random), pick(kPlaces, random)};
}

std::string tell(const Event& event) {
  return fmt::format("{} {} {} in {}.", event.person, event.action.past, event.thing.name, event.place);
}

std::string retell(const Event& event) {
  return fmt::format("In {}, {} was what {} {}.", event.place, event.thing.name, event.person, event.action.paraphrase);
}

constexpr std::array<std::string_view, 10> kSubjects = {"the film",    "this story",     "the acting", "the music",
                                                        "the plot",    "the script",     "the cast",   "the ending",
                                                        "this comedy", "the camera work"};
constexpr std::array<std::string_view, 14> kPraise = {"wonderful", "charming", "brilliant", "moving",    "delightful",
                                                      "excellent", "clever",   "funny",     "beautiful", "fresh",
                                                      "touching",  "superb",   "warm",      "gripping"};
constexpr std::array<std::string_view, 14> kBlame = {"dull",     "awful", "boring",  "clumsy",   "terrible",
                                                     "lifeless", "silly", "tedious", "ugly",     "stale",
                                                     "annoying", "poor",  "cold",    "pointless"};
constexpr std::array<std::string_view, 6> kDegrees = {"really", "quite", "simply", "truly", "rather", "utterly"};

// Half of the sentences negate their praise or blame, which reverses the label.
DemoExample draw_sentiment(RandomStream& random) {
  const bool is_praise = random.below(2) == 1;
  const bool is_denied = random.below(2) == 1;
  const auto& words = is_praise ? kPraise : kBlame;
  const std::string_view denial = is_denied ? "not " : "";
  const std::string_view& first = pick(words, random);
  const std::string_view& second = pick_other(words, first, random);
  const std::string_view& subject = pick(kSubjects, random);
  const std::string_view& degree = pick(kDegrees, random);
  const std::string text =
      random.below(2) == 0
          ? fmt::format("{} is {}{} {} and {}{} . ", subject, denial, degree, first, denial, second)
          : fmt::format("{}a {} film , and {} is {}{} {} . ", denial, first, subject, denial, degree, second);
  return {text, "", is_praise != is_denied ? "1" : "0"};
}

// Sentences that are acceptable, and sentences in which the words of a phrase are in an impossible order.
DemoExample draw_acceptability(RandomStream& random) {
  const bool is_acceptable = random.below(10) < 6;
  const Event event = draw_event(random);
  if (is_acceptable) return {tell(event), "", "1"};
  const std::string text =
      random.below(2) == 0
          ? fmt::format("{} in {} {} {}.", event.action.past, event.thing.name, event.person, event.place)
          : fmt::format("{} {} in {} {} the.", event.person, event.thing.name, event.action.past, event.place);
  return {text, "", "0"};
}

DemoExample draw_paraphrase(RandomStream& random) {
  const bool is_paraphrase = random.below(5) < 3;
  const Event event = draw_event(random);
  if (is_paraphrase) return {tell(event), retell(event), "1"};
  const Event other{pick_other(kPeople, event.person, random), pick_other(kActions, event.action, random),
                    pick_other(kThings, event.thing, random), pick_other(kPlaces, event.place, random)};
  return {tell(event), retell(other), "0"};
}

// The label is the fraction of person, action, thing and place that two sentences have in common.
DemoExample draw_similarity(RandomStream& random) {
  const Event event = draw_event(random);
  const std::uint64_t shared = random.below(5);
  const Event other{shared > 0 ? event.person : pick_other(kPeople, event.person, random),
                    shared > 1 ? event.action : pick_other(kActions, event.action, random),
                    shared > 2 ? event.thing : pick_other(kThings, event.thing, random),
                    shared > 3 ? event.place : pick_other(kPlaces, event.place, random)};
  return {tell(event), tell(other), fmt::format("{:.3f}", 1.25 * static_cast<double>(shared))};
}

constexpr std::array<std::string_view, 12> kSkills = {
    "play the piano", "cook rice",      "learn French", "fix a bicycle", "grow tomatoes", "bake bread",
    "lose weight",    "write a letter", "train a dog",  "paint a wall",  "swim faster",   "save money"};

DemoExample draw_question_pair(RandomStream& random) {
  const bool is_duplicate = random.below(2) == 0;
  const std::string_view& skill = pick(kSkills, random);
  const std::string_view& other = is_duplicate ? skill : pick_other(kSkills, skill, random);
  constexpr std::array<std::string_view, 3> kFirst = {"How do I {}?", "How can I {}?", "What should I know to {}?"};
  constexpr std::array<std::string_view, 3> kSecond = {"What is the best way to {}?", "Is there an easy way to {}?",
                                                       "Where do I start if I want to {}?"};
  return {fmt::format(fmt::runtime(pick(kFirst, random)), skill),
          fmt::format(fmt::runtime(pick(kSecond, random)), other), is_duplicate ? "1" : "0"};
}

std::string entailed(const Event& event, RandomStream& random) {
  if (random.below(2) == 0) return fmt::format("Somebody {} {}.", event.action.paraphrase, event.thing.kind);
  return fmt::format("{} was in {}.", event.person, event.place);
}

std::string contradicted(const Event& event, RandomStream& random) {
  if (random.below(2) == 0) return fmt::format("{} was never in {}.", event.person, event.place);
  return fmt::format("Nobody {} {}.", event.action.past, event.thing.name);
}

std::string undecided(const Event& event, RandomStream& random) {
  constexpr std::array<std::string_view, 5> kReasons = {"to please a friend", "because it was cheap",
                                                        "for the second time", "before the winter came",
                                                        "as a birthday present"};
  return fmt::format("{} {} it {}.", event.person, event.action.past, pick(kReasons, random));
}

DemoExample draw_inference(RandomStream& random) {
  const Event event = draw_event(random);
  switch (random.below(3)) {
    case 0:
      return {tell(event), entailed(event, random), "entailment"};
    case 1:
      return {tell(event), undecided(event, random), "neutral"};
    default:
      return {tell(event), contradicted(event, random), "contradiction"};
  }
}

DemoExample draw_entailment(RandomStream& random) {
  const Event event = draw_event(random);
  const Event unrelated = draw_event(random);
  const std::string premise = tell(event) + " " + fmt::format("Later, {} saw the news.", unrelated.person);
  if (random.below(2) == 0) return {premise, entailed(event, random), "entailment"};
  return {premise, random.below(2) == 0 ? contradicted(event, random) : undecided(event, random), "not_entailment"};
}

// The sentence answers the question if both are about the same event.
DemoExample draw_answer(RandomStream& random) {
  const Event event = draw_event(random);
  const bool is_answer = random.below(2) == 0;
  const std::string question = random.below(2) == 0 ? fmt::format("Who {} {}?", event.action.past, event.thing.name)
                                                    : fmt::format("Where was it that {} {} {}?", event.person,
                                                                  event.action.past, event.thing.name);
  const Event other{pick_other(kPeople, event.person, random), pick_other(kActions, event.action, random),
                    pick_other(kThings, event.thing, random), pick_other(kPlaces, event.place, random)};
  return {question, tell(is_answer ? event : other), is_answer ? "entailment" : "not_entailment"};
}

}  // namespace

DemoExample draw_demo_example(std::string_view task, RandomStream& random) {
  using Draw = DemoExample (*)(RandomStream&);
  static const std::map<std::string_view, Draw> kGenerators = {
      {"CoLA", draw_acceptability}, {"SST-2", draw_sentiment}, {"MRPC", draw_paraphrase}, {"STS-B", draw_similarity},
      {"QQP", draw_question_pair},  {"MNLI", draw_inference},  {"QNLI", draw_answer},     {"RTE", draw_entailment}};
  const auto found = kGenerators.find(task);
  if (found == kGenerators.end()) throw Error("no demo data for task " + std::string(task));
  return found->second(random);
}

}  // namespace tunescope
