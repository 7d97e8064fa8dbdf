#include "tunescope/cli/job_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <string>

#include "support/temporary_folder.hpp"
#include "tunescope/base/error.hpp"

namespace tunescope::cli {
namespace {

using test::message_of;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string kJob = "name = small\n[model]\npath = bert\n[data]\nglue = glue\n";

// Jobs are read in an empty folder, which is also the home folder.
class JobFile : public ::testing::Test {
 protected:
  JobFile() : before_(std::filesystem::current_path()) {
    std::filesystem::current_path(folder_.path());
    ::setenv("HOME", folder_.path().c_str(), 1);
  }
  ~JobFile() override { std::filesystem::current_path(before_); }

  SweepSpec read(const std::string& text, const std::vector<std::pair<std::string, std::string>>& options = {}) const {
    folder_.write("job.cfg", text);
    return read_job("job.cfg", options);
  }
  std::string refusal(const std::string& text) const {
    return message_of<ConfigError>([&] { read(text); });
  }
  std::string refused_option(const std::string& key, const std::string& value) const {
    return message_of<ConfigError>([&] { read(kJob, {{key, value}}); });
  }

  test::TemporaryFolder folder_;
  std::filesystem::path before_;
};

TEST_F(JobFile, MayBeginWithAByteOrderMarkWhichIsNotStored) { EXPECT_EQ(read("\xEF\xBB\xBF" + kJob).job_text, kJob); }

TEST_F(JobFile, MayHaveAnyKindOfLineEnd) {
  for (const char* end : {"\r\n", "\r"}) {
    std::string text = kJob;
    for (std::size_t at = 0; (at = text.find('\n', at)) != std::string::npos; at += std::string(end).size()) {
      text.replace(at, 1, end);
    }
    EXPECT_EQ(read(text).glue_folder, "glue");
  }
}

TEST_F(JobFile, ThatIsNotUtf8IsRefusedWithItsLine) {
  EXPECT_THAT(refusal(kJob + "# f\xFCr mich\n"),
              AllOf(HasSubstr("job.cfg:6: is not UTF-8"), HasSubstr("0xFC"), HasSubstr("iconv")));
  EXPECT_THAT(refusal(kJob + std::string("\0\n", 2)), HasSubstr("job.cfg:6: holds a NUL byte"));
  EXPECT_THAT(refusal("\x1F\x8B" + kJob), HasSubstr("gzip"));
  EXPECT_THAT(refused_option("model.path", "mod\xE8les"), AllOf(HasSubstr("option --model.path"), HasSubstr("UTF-8")));
}

TEST_F(JobFile, ThatIsAbsentOrAFolderIsNamed) {
  EXPECT_THAT(message_of<ConfigError>([] { read_job("none.cfg", {}); }), HasSubstr("none.cfg: no such job file"));
  EXPECT_THAT(message_of<ConfigError>([] { read_job(".", {}); }), HasSubstr("no such job file"));
}

TEST_F(JobFile, WithACharacterThatNobodySeesIsRefusedNamingIt) {
  EXPECT_THAT(refusal(kJob + "\u00A0tasks = RTE\n"), AllOf(HasSubstr("job.cfg:6"), HasSubstr("U+00A0")));
  EXPECT_THAT(refusal(kJob + "[run\u200B]\n"), AllOf(HasSubstr("job.cfg:6"), HasSubstr("U+200B")));
  EXPECT_THAT(refusal(kJob + "tasks = CoLA\u00A0RTE\n"), AllOf(HasSubstr("job.cfg:6"), HasSubstr("NO-BREAK SPACE")));
  EXPECT_THAT(refusal(kJob + "[train]\nepochs = 3\uFEFF\n"), AllOf(HasSubstr("job.cfg:7"), HasSubstr("U+FEFF")));
  EXPECT_THAT(refusal(kJob + "[sweep]\nlearning_rates = 1e\u22125\n"), HasSubstr("U+2212 (MINUS SIGN)"));
  EXPECT_THAT(refusal(kJob + "[run]\ndevice = \u201Ccpu\u201D\n"), HasSubstr("U+201C"));
}

TEST_F(JobFile, TakesTasksInAnyCaseForTheSameTrials) {
  EXPECT_THAT(read(kJob, {{"data.tasks", "rte sst2 stsb"}}).tasks, ElementsAre("RTE", "SST-2", "STS-B"));
  EXPECT_THAT(refused_option("data.tasks", "RTE rte"), HasSubstr("'RTE' only once"));
}

TEST_F(JobFile, TakesCombinationsOfMethodsInAList) {
  const SweepSpec spec = read(kJob, {{"sweep.methods",
                                      "layernorm, random:pool=bitfit,fraction=0.5+layernorm-output head, "
                                      "fisher:fraction=0.1,pool=full+random:fraction=0.20,pool=bitfit"}});
  std::vector<std::string> methods;
  for (const Method& method : spec.methods) methods.push_back(method.text());
  EXPECT_THAT(methods, ElementsAre("layernorm", "layernorm-output+random:fraction=0.5,pool=bitfit", "head",
                                   "fisher:fraction=0.1,pool=full,scope=task+random:fraction=0.2,pool=bitfit"));
  EXPECT_THAT(refused_option("sweep.methods", "bitfit+layernorm layernorm+bitfit"),
              HasSubstr("'bitfit+layernorm' only once"));
}

TEST_F(JobFile, HasLearningRatesForSingleMethods) {
  const std::string job = kJob +
                          "[sweep]\nmethods = full random:fraction=0.5 random:fraction=0.1 layernorm+bitfit head\n"
                          "learning_rates.random = 1e-2 3e-2\nlearning_rates.layernorm+bitfit = 2e-4\n";
  const SweepSpec spec = read(job, {{"sweep.learning_rates.random", "5e-3"}, {"sweep.learning_rates.head", "1e-1"}});
  EXPECT_THAT(spec.learning_rates_of(parse_method("full")), ElementsAre(1e-5, 2e-5, 3e-5, 4e-5, 5e-5));
  for (const char* const random : {"random:fraction=0.5", "random:fraction=0.1"}) {
    EXPECT_THAT(spec.learning_rates_of(parse_method(random)), ElementsAre(5e-3));
  }
  EXPECT_THAT(spec.learning_rates_of(parse_method("bitfit+layernorm")), ElementsAre(2e-4));
  EXPECT_THAT(spec.learning_rates_of(parse_method("head")), ElementsAre(1e-1));
  EXPECT_THAT(spec.learning_rates_of(parse_method("bitfit")), ElementsAre(1e-4, 2.5e-4, 5e-4, 7.5e-4, 1e-3));
  EXPECT_THAT(spec.job_text,
              AllOf(HasSubstr("learning_rates.random = 5e-3\n"), HasSubstr("learning_rates.head = 1e-1\n"),
                    HasSubstr("learning_rates.bitfit+layernorm = 2e-4\n"), Not(HasSubstr("3e-2"))));
  EXPECT_EQ(read(spec.job_text).learning_rates_of_kind, spec.learning_rates_of_kind);
}

TEST_F(JobFile, TakesAnOptionForTheFilesKeyOfTheSameMethod) {
  const std::string job = kJob + "[sweep]\nmethods = bitfit+layernorm\nlearning_rates.bitfit+layernorm = 1e-3 2e-3\n";
  const SweepSpec spec = read(job, {{"sweep.learning_rates.layernorm+bitfit", "5e-3"}});
  EXPECT_THAT(spec.learning_rates_of(spec.methods.front()), ElementsAre(5e-3));
  EXPECT_THAT(spec.job_text, AllOf(HasSubstr("learning_rates.bitfit+layernorm = 5e-3\n"), Not(HasSubstr("2e-3"))));
  EXPECT_THAT(refused_option("sweep.learning_rates.bitfti+head", "1"),
              AllOf(HasSubstr("option --sweep.learning_rates.bitfti+head"), HasSubstr("did you mean 'bitfit'?")));
}

TEST_F(JobFile, RefusesLearningRatesOfMethodsThatItDoesNotHave) {
  EXPECT_THAT(refusal(kJob + "[sweep]\nlearning_rates.bitfti = 1e-3\n"),
              AllOf(HasSubstr("job.cfg:7"), HasSubstr("learning_rates.bitfti"), HasSubstr("did you mean 'bitfit'?")));
  EXPECT_THAT(
      refusal(kJob + "[sweep]\nlearning_rates.bitfit = 1e-3\n"),
      AllOf(HasSubstr("job.cfg:7"), HasSubstr("does not train 'bitfit', only full, layernorm; add it to [sweep]")));
  EXPECT_THAT(refusal(kJob + "[sweep]\nlearning_rates. = 1e-3\n"), HasSubstr("did you mean 'sweep.learning_rates'?"));
  EXPECT_THAT(refusal(kJob + "[sweep]\nmethods = bitfit+head\nlearning_rates.bitfit+head = 1\n"
                             "learning_rates.head+bitfit = 2\n"),
              HasSubstr("job.cfg:9: key 'sweep.learning_rates.bitfit+head' was already given in line 8"));
  EXPECT_THAT(refused_option("sweep.learning_rates.full", "0"), HasSubstr("numbers above 0"));
}

TEST_F(JobFile, LeavesOutLearningRatesOfMethodsThatOptionsReplace) {
  const std::string job = kJob + "[sweep]\nmethods = bitfit layernorm\nlearning_rates.bitfit = 1e-3\n";
  const SweepSpec spec = read(job, {{"sweep.methods", "layernorm"}});
  EXPECT_TRUE(spec.learning_rates_of_kind.empty());
  EXPECT_THAT(spec.job_text, Not(HasSubstr("1e-3")));
  EXPECT_NO_THROW(read(spec.job_text));
}

TEST_F(JobFile, HasLearningRatesForTheTrainingThatFisherRunsMeasure) {
  const std::string job = kJob + "[sweep]\nmethods = layernorm\nlearning_rates.full = 1e-5\n";
  EXPECT_THAT(refusal(job), AllOf(HasSubstr("job.cfg:8"), HasSubstr("does not train 'full', only layernorm;")));
  EXPECT_EQ(read(job + "[fisher]\nexamples = 8\n").learning_rates_of_kind.size(), 1U);
  EXPECT_EQ(read(job, {{"sweep.methods", "fisher:fraction=0.5"}}).learning_rates_of_kind.size(), 1U);
  EXPECT_THAT(refusal(job + "[fisher]\nat = head\n"), HasSubstr("does not train 'full', only head, layernorm;"));
}

TEST_F(JobFile, OverridesTheKeysOfAFileThatItIncludes) {
  folder_.write("shared/base.cfg", kJob +
                                       "tasks = RTE CoLA\n[sweep]\nmethods = full bitfit\nseeds = 7\n"
                                       "learning_rates.full = 1\nlearning_rates.bitfit = 2\n");
  folder_.write("shared/longer.cfg", "include = base.cfg\n[train]\nepochs = 9\nbatch_size = 8\n");
  const SweepSpec spec = read(
      "include = shared/longer.cfg\nname = next\n[data]\ntasks = RTE\n[sweep]\n"
      "learning_rates.full = 3\n[train]\nepochs = 4\n",
      {{"train.batch_size", "16"}});
  EXPECT_EQ(spec.name, "next");
  EXPECT_EQ(spec.glue_folder, "glue");
  EXPECT_THAT(spec.tasks, ElementsAre("RTE"));
  EXPECT_THAT(spec.seeds, ElementsAre(7U));
  EXPECT_EQ(spec.train.epochs, 4);
  EXPECT_EQ(spec.train.batch_size, 16);
  EXPECT_THAT(spec.learning_rates_of(parse_method("full")), ElementsAre(3.0));
  EXPECT_THAT(spec.learning_rates_of(parse_method("bitfit")), ElementsAre(2.0));
}

TEST_F(JobFile, IsStoredWithWhatItIncludes) {
  folder_.write("base.cfg", kJob + "tasks = RTE\n[train]\nepochs = 9\n");
  const SweepSpec spec = read("# next\ninclude = base.cfg\nname = next\n[train]\nepochs = 4\n");
  EXPECT_EQ(spec.job_text,
            "name = next\n\n[model]\npath = bert\n\n[data]\nglue = glue\ntasks = RTE\n\n[train]\nepochs = 4\n");
  EXPECT_EQ(read("include = base.cfg\n").job_text,
            read(kJob + "tasks = RTE\n[train]\nepochs = 9\n", {{"name", "small"}}).job_text);
}

TEST_F(JobFile, LeavesOutLearningRatesOfMethodsThatItReplacesInAFileItIncludes) {
  folder_.write("base.cfg", kJob + "[sweep]\nmethods = bitfit layernorm\nlearning_rates.bitfit = 1e-3\n");
  const std::string job = "include = base.cfg\n[sweep]\nmethods = layernorm\n";
  EXPECT_TRUE(read(job).learning_rates_of_kind.empty());
  EXPECT_THAT(refusal(job + "learning_rates.bitfit = 1e-3\n"), HasSubstr("job.cfg:4: sweep.learning_rates.bitfit"));
  EXPECT_THAT(refusal("include = base.cfg\n[sweep]\nlearning_rates.head = 1e-3\n"), HasSubstr("job.cfg:3:"));
}

TEST_F(JobFile, NamesTheLineThatIsWrongInAFileItIncludes) {
  folder_.write("shared/base.cfg", kJob + "[train]\nepoch = 3\n");
  EXPECT_THAT(refusal("include = shared/base.cfg\n"), HasSubstr("shared/base.cfg:7: unknown key 'train.epoch'"));
  folder_.write("shared/base.cfg", kJob + "[train]\nepochs = 3\nepochs = 4\n");
  EXPECT_THAT(refusal("include = shared/base.cfg\n[train]\nepochs = 5\n"),
              HasSubstr("shared/base.cfg:8: key 'train.epochs' was already given in line 7"));
  folder_.write("shared/base.cfg", kJob + "[train]\nepochs = many\n");
  EXPECT_THAT(refusal("include = shared/base.cfg\n"), HasSubstr("shared/base.cfg:7: train.epochs = many: expected"));
}

TEST_F(JobFile, RefusesToIncludeWhatIsMissingOrLeadsBack) {
  EXPECT_THAT(refusal("\ninclude = none.cfg\n" + kJob),
              AllOf(HasSubstr("job.cfg:2: include = none.cfg"), HasSubstr("no file none.cfg")));
  EXPECT_THAT(refusal("include = .\n" + kJob), HasSubstr("job.cfg:1: include = .: expected a job file"));
  EXPECT_THAT(refusal("include =\n" + kJob), HasSubstr("expected a path"));
  EXPECT_THAT(refusal("include = a.cfg\ninclude = b.cfg\n" + kJob), HasSubstr("job.cfg:2: key 'include' was already"));
  EXPECT_THAT(refusal(kJob + "include = base.cfg\n"),
              HasSubstr("job.cfg:6: unknown key 'data.include'; 'include' stands above the first [section]"));
  EXPECT_THAT(refusal("include = job.cfg\n" + kJob), HasSubstr("does not lead back to itself: job.cfg -> job.cfg"));
  folder_.write("shared/base.cfg", "include = ../job.cfg\n");
  EXPECT_THAT(refusal("include = shared/base.cfg\n" + kJob),
              AllOf(HasSubstr("shared/base.cfg:1: include = ../job.cfg"),
                    HasSubstr("job.cfg -> shared/base.cfg -> shared/../job.cfg")));
}

TEST_F(JobFile, NamesKeysThatThereAreWhereNoneIsNear) {
  EXPECT_THAT(
      refusal(kJob + "lr = 1\n"),
      AllOf(HasSubstr("job.cfg:6: unknown key 'data.lr'; known are name, model.path"), Not(HasSubstr("did you mean"))));
  EXPECT_THAT(refusal(kJob + "[swep]\n"), HasSubstr("unknown section [swep]; did you mean '[sweep]'?"));
}

TEST_F(JobFile, ExpandsTheHomeFolder) {
  EXPECT_EQ(read(kJob, {{"run.results", "~/results"}}).results_folder, folder_.path() / "results");
  EXPECT_EQ(read(kJob, {{"model.path", "~"}}).model_folder, folder_.path());
  EXPECT_EQ(read(kJob, {{"model.path", "models/~/x"}}).model_folder, "models/~/x");
}

TEST_F(JobFile, SpeaksOfAFolderNamedTilde) {
  std::filesystem::create_directory("~");
  EXPECT_THAT(refused_option("run.results", "~/results"), AllOf(HasSubstr("~ is the home folder"), HasSubstr("./~")));
  EXPECT_EQ(read(kJob, {{"run.results", "./~/results"}}).results_folder, "./~/results");
}

TEST_F(JobFile, RefusesWhatAShellWouldReplace) {
  EXPECT_THAT(refused_option("run.results", "$HOME/results"), HasSubstr("in braces, as ${HOME}"));
  EXPECT_THAT(refused_option("run.results", "$(pwd)/results"), HasSubstr("in braces"));
  EXPECT_THAT(refused_option("model.path", "~jane/models"), HasSubstr("other users' folders"));
  EXPECT_THAT(refused_option("model.path", "`pwd`/models"), HasSubstr("without wildcards"));
  EXPECT_THAT(refused_option("model.path", "models/bert*"), HasSubstr("without wildcards"));
  EXPECT_THAT(refused_option("model.path", "my\\ models"), HasSubstr("without wildcards"));
  EXPECT_THAT(refused_option("run.results", "\"results\""), HasSubstr("without quotes"));
  EXPECT_THAT(refused_option("run.results", "\u201Cresults\u201D"), AllOf(HasSubstr("quotes"), HasSubstr("U+201C")));
  EXPECT_THAT(refused_option("run.results", "re\u200Bsults"), HasSubstr("U+200B"));
  EXPECT_THAT(refused_option("model.path", "${NAME-x}/y"), HasSubstr("not 'NAME-x'"));
}

TEST_F(JobFile, TakesOddNamesOfWhatExists) {
  for (const char* name : {"$HOME", "~jane", "a*b", "'quoted'", "It\u2019s", "R\u00A0D"}) {
    std::filesystem::create_directory(name);
    EXPECT_EQ(read(kJob, {{"model.path", name}}).model_folder, name);
  }
}

TEST_F(JobFile, HasANameThatFilesCanHave) {
  for (const char* name : {"..", ".", "a/b", "two words", "f\u00FCr", "", ".hidden"}) {
    EXPECT_THAT(refused_option("name", name), HasSubstr("names a folder and a file")) << name;
  }
  EXPECT_EQ(read(kJob, {{"name", std::string(120, 'x')}}).name.size(), 120U);
  EXPECT_THAT(refused_option("name", std::string(250, 'x')), HasSubstr("characters: it names a file"));
}

TEST_F(JobFile, HasAnotherNameThanTheCache) {
  EXPECT_THAT(refused_option("name", "cache"), AllOf(HasSubstr("results/cache"), HasSubstr("another name")));
  EXPECT_THAT(message_of<ConfigError>([&] {
                read(kJob + "cache = results/cache/\n", {{"name", "cache"}});
              }),
              HasSubstr("another name"));
  std::filesystem::create_directories("results/cache/trials");
  EXPECT_EQ(read(kJob, {{"name", "cache"}}).name, "cache") << "has results already";
}

TEST_F(JobFile, IsRefusedInFewWords) {
  const std::string junk(5000, 'x');
  for (const std::string& text : {kJob + junk + "\n", kJob + "[run]\ndevice = " + junk + "\n"}) {
    EXPECT_LT(refusal(text).size(), 1000U);
  }
}

}  // namespace
}  // namespace tunescope::cli
