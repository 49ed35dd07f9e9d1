from atelier.training.evaluation.last_column import last_column


def column(mean, low=None):
    return {"mean": mean, "low": low, "high": None if low is None else mean + (mean - low), "n": 4}


def test_the_last_column_is_that_of_the_highest_strength():
    scores = {
        "identity": {"columns": {"0": column(0.1), "2": column(0.5, 0.4), "10": column(0.6, 0.5)}},
        "consistency": {"columns": {"2": column(0.2), "10": column(0.3)}},
        "diversity": {"columns": {"2": column(0.2), "10": column(None)}},
        "held_out": {"columns": {"10": column(0.01)}},
    }
    found = last_column(scores)
    assert found == {
        "identity": {"value": 0.6, "low": 0.5, "high": 0.7},
        "consistency": {"value": 0.3},
    }
    assert last_column({}) == {}
