import numpy as np
from scipy import sparse

from whet.score.nbsvm import NbSvm


def rows(*counts):
    return sparse.csr_matrix(np.array(counts, dtype=float))


def test_a_feature_weighs_by_how_much_the_class_favours_it():
    # The first feature stands in both rows of class 5 and in none of class 3, the second in one row of each.
    found = NbSvm.fit(rows([1, 1, 0], [1, 0, 0], [0, 1, 1], [0, 0, 1]), np.array([5, 5, 3, 3]))
    assert found.weights.shape == (3, 1)
    first, second, third = found.weights[:, 0]
    assert first > 0
    assert third < 0
    assert second == 0  # its ratio is log(2 / 6) - log(2 / 6)
    assert found.predict(rows([1, 0, 0], [0, 0, 1])).tolist() == [5, 3]


def test_how_much_a_class_favours_a_feature_goes_by_the_rows_that_have_it_and_not_by_how_often():
    ids = np.array([1, 1, 0, 0])
    once, often = (rows([n, 0, 1], [n, 0, 1], [0, 1, 1], [0, 1, 1]) for n in (1, 7))
    for counted in (once, often):
        first, second, third = NbSvm.fit(counted, ids).weights[:, 0]
        assert (first > 0, second < 0, third == 0) == (True, True, True)


def test_the_rows_stay_as_they_were():
    given = rows([0.5, 0], [0, 0.5])
    NbSvm.fit(given, np.array([0, 1])).predict(given)
    assert given.toarray().tolist() == [[0.5, 0], [0, 0.5]]


def test_of_more_than_two_classes_the_one_farthest_from_the_rest_is_taken():
    found = NbSvm.fit(rows(*np.repeat(np.eye(4), 3, axis=0)), np.repeat([2, 4, 6, 8], 3))
    assert found.weights.shape == (4, 4)
    assert found.predict(rows(*np.eye(4))).tolist() == [2, 4, 6, 8]


def test_words_that_tell_nothing_do_not_hide_one_that_does():
    rng = np.random.default_rng(0)
    words = sparse.csr_matrix((rng.random((400, 50)) < 0.2).astype(float))
    ids = (words[:, 0].toarray().ravel() + rng.normal(scale=0.3, size=400) > 0.5).astype(int)
    found = NbSvm.fit(words[:200], ids[:200])
    assert (found.predict(words[200:]) == ids[200:]).mean() > 0.85
