"""Pictures show the numbers of their frames, and say so where there are none."""

from itertools import combinations

import pytest

import reports
from reports import plots
from reports.records import Status
from tests.reports.contrast import contrast

pytest.importorskip("matplotlib", reason="pictures are the extra `plots`")


@pytest.fixture
def frames(make_outcome, make_measurement):
    outcomes = [
        make_outcome(1, backend="mine", n=1000, max_ulp=2.0, gap=3.0),
        make_outcome(2, backend="theirs", n=1000, max_ulp=8.0, gap=9.0, status="weak"),
        make_outcome(3, check="axes", status="fail"),
        make_outcome(
            4, check="downstream", curves={"loss": [2.0, 1.0, "nan"], "exact_loss": [2.0, 1.5, 1.0]}
        ),
    ]
    timings = [
        make_measurement(backend="mine", bandwidth=2e9, roof_share=0.5),
        make_measurement(backend="theirs", bandwidth=3e9, roof_share=0.75, median=8e-5),
    ]
    return reports.Frames(
        reports.outcomes_frame(outcomes),
        reports.measurements_frame(timings),
        reports.duels_frame([]),
    )


def points(figure):
    """Return every drawn line's points."""
    return [
        [tuple(map(float, point)) for point in line.get_xydata()]
        for panel in figure.axes
        for line in panel.lines
    ]


def test_error_stands_against_speed_and_the_front_joins_both(frames):
    drawn = points(plots.draw("accuracy_speed", frames))
    assert [(2.0, 2.0)] in drawn
    assert [(3.0, 8.0)] in drawn
    assert [(2.0, 2.0), (3.0, 8.0)] in drawn


def test_error_stands_against_length_and_gap_with_the_bound(frames):
    assert [(1024.0, 2.0)] in points(plots.draw("error_by_length", frames))
    drawn = points(plots.draw("error_by_gap", frames))
    assert [(3.0, 1.25)] in drawn
    assert any(len(line) == 2 and {y for _, y in line} == {2.5} for line in drawn)


def test_the_roof_is_the_bandwidth_divided_by_the_share(frames):
    assert [(512000.0, 4.0)] in points(plots.draw("roofline", frames))
    assert [(50.0, 0.0)] in points(plots.draw("roof_share", frames))


def test_bars_are_shares_and_cells_name_the_gravest_status(frames):
    (panel,) = plots.draw("ulp_histogram", frames).axes
    heights = [bar.get_height() for bar in panel.patches]
    assert sorted(heights)[-2:] == pytest.approx([0.85, 0.85])
    (panel,) = plots.draw("check_matrix", frames).axes
    assert sorted(text.get_text() for text in panel.texts) == ["fail 1", "pass", "pass", "weak 1"]


def test_a_loss_that_breaks_is_marked_where_it_breaks(frames):
    drawn = points(plots.draw("loss_curves", frames))
    assert [(1.0, 2.0), (2.0, 1.5), (3.0, 1.0)] in drawn
    assert [(2.0, 1.0)] in drawn


@pytest.mark.parametrize("name", plots.PICTURES)
def test_a_picture_without_data_says_so(name):
    empty = reports.Frames(
        reports.outcomes_frame([]), reports.measurements_frame([]), reports.duels_frame([])
    )
    figure = plots.draw(name, empty, "dark")
    assert not figure.axes
    assert any("here" in text.get_text() for text in figure.texts)


def test_a_picture_is_written_in_both_themes_and_the_same_each_time(frames, tmp_path):
    paths = list(plots.write(frames, tmp_path / "a", ["roofline"]))
    assert [path.name for path in paths] == [
        f"roofline-{theme}{ending}" for theme in plots.THEMES for ending in plots.ENDINGS
    ]
    again = list(plots.write(frames, tmp_path / "b", ["roofline"], ("light",), (".svg",)))
    assert again[0].read_bytes() == paths[0].read_bytes()
    with pytest.raises(plots.PlotsError, match="no picture 'nonsense'"):
        plots.draw("nonsense", frames)


@pytest.mark.parametrize("theme", plots.THEMES)
def test_colours_are_told_from_the_ground_and_from_each_other(theme):
    from reports.plots.canvas import LOOKS

    look = LOOKS[theme]
    assert all(contrast(colour, look.ground) >= 3 for colour in look.colours)
    assert all(one != other for one, other in combinations(look.colours, 2))
    styles = look.styles(f"backend {i}" for i in range(12)).values()
    assert len({(style.colour, style.marker) for style in styles}) == 12


@pytest.mark.parametrize("theme", plots.THEMES)
def test_words_in_the_cells_of_the_matrix_can_be_read(theme):
    from reports.plots.canvas import LOOKS
    from reports.plots.check_matrix import text_colour

    look = LOOKS[theme]
    for status in Status:
        assert contrast(text_colour(look, status), look.statuses[status]) >= 4.5, status
