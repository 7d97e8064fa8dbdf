import h5py
import numpy as np
from small_sweep import trial

from tunescope_analysis import open_results

APART = {"selection": "train:0.1", "selection_score": 0.4}


def test_files_without_the_columns_were_chosen_on_the_dev_set(write):
    path = write([trial("RTE", "full", 1e-5, 1, 0.7), trial("RTE", "full", 1e-5, 2, np.nan, state="failed")])
    with h5py.File(path, "a") as file:
        for name in ("selection", "selection_hash", "selection_examples", "selection_score"):
            del file["trials"][name]
    with open_results(path) as results:
        assert results.trials["selection"].values.tolist() == ["dev", "dev"]
        np.testing.assert_array_equal(results.trials["selection_score"].values, [0.7, np.nan])


def test_rows_of_earlier_files_have_the_score_and_others_keep_their_own(write):
    path = write([trial("RTE", "full", 1e-5, 1, 0.7), trial("RTE", "full", 1e-5, 2, 0.6, **APART)])
    with open_results(path) as results:
        assert results.trials["selection"].values.tolist() == ["dev", "train:0.1"]
        assert results.trials["selection_score"].values.tolist() == [0.7, 0.4]
