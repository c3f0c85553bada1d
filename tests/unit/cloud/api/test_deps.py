import pytest

from cloud.api.deps import Box, parse_bbox


def test_box_is_read_lon_before_lat() -> None:
    assert parse_bbox("120.3,27.4,120.5,27.6") == Box(min_lon=120.3, min_lat=27.4, max_lon=120.5, max_lat=27.6)


@pytest.mark.parametrize(
    "text",
    ["", "1,2,3", "1,2,3,4,5", "a,b,c,d", "2,0,1,1", "0,2,1,1", "0,0,181,1", "0,0,1,91", "nan,0,1,1", "0,0,inf,1"],
)
def test_what_is_no_box_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        parse_bbox(text)
