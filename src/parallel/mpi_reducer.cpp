#include <algorithm>

#include "tunescope/base/error.hpp"
#include "tunescope/parallel/reducer.hpp"

namespace tunescope {
namespace {

constexpr std::int64_t kPieceElements = std::int64_t{1} << 22;

MPI_Datatype mpi_type(at::ScalarType type) {
  switch (type) {
    case at::kFloat:
      return MPI_FLOAT;
    case at::kDouble:
      return MPI_DOUBLE;
    case at::kLong:
      return MPI_INT64_T;
    default:
      throw MpiError("only float32, float64 and int64 tensors can be summed over ranks");
  }
}

class MpiReducer final : public Reducer {
 public:
  explicit MpiReducer(const Communicator& communicator) : communicator_(communicator) {}

  std::string_view name() const override { return "mpi"; }

  void all_reduce_sum(const std::vector<at::Tensor>& tensors) override {
    for (const at::Tensor& tensor : tensors) sum(tensor);
  }

  void close() override {}

 private:
  void sum(const at::Tensor& values) const {
    const MPI_Datatype type = mpi_type(values.scalar_type());
    const at::Tensor flat = values.view(-1);
    for (std::int64_t first = 0; first < flat.numel(); first += kPieceElements) {
      const at::Tensor piece = flat.narrow(0, first, std::min(kPieceElements, flat.numel() - first));
      at::Tensor on_host = piece.cpu();
      check_mpi(MPI_Allreduce(MPI_IN_PLACE, on_host.mutable_data_ptr(), static_cast<int>(on_host.numel()), type,
                              MPI_SUM, communicator_.get()),
                "MPI_Allreduce");
      if (!piece.is_cpu()) piece.copy_(on_host);
    }
  }

  const Communicator& communicator_;
};

}  // namespace

std::unique_ptr<Reducer> make_mpi_reducer(RankTeam& team) { return std::make_unique<MpiReducer>(team.communicator()); }

}  // namespace tunescope
