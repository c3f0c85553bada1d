from simulator.county.build import County
from simulator.county.world import world_of
from simulator.plane import distance_m


def test_agents_meet_the_damage_of_the_county_on_its_lines(county: County) -> None:
    world = world_of(county, day=0.75)
    open_ones = county.damages.truth(0.75).defects
    by_id = {defect.id: defect for defect in open_ones}
    assert {line.id for line in world.lines} == {each.line.id for each in county.lines.lines}
    assert len({defect.id for defect in world.truth.defects}) > 0.8 * len(by_id)  # nearly all lie before some bus
    for defect in world.truth.defects:
        assert (defect.lon, defect.lat) == (by_id[defect.id].lon, by_id[defect.id].lat)
        line = next(line for line in world.lines if line.id == defect.line_id)
        spot, _ = line.place(defect.along_m)
        assert distance_m(spot, world.town.plane.spot(lon=defect.lon, lat=defect.lat)) < 6


def test_a_bus_on_such_a_line_sees_it_before_itself(county: County) -> None:
    world = world_of(county, day=0.75)
    line, motion = world.lines[0], world.motions[0]
    defect = next(each for each in world.truth.on_line(line.id) if abs(each.right_m) < 2 and each.along_m > 30)
    pose = motion.pose(motion.time_at(defect.along_m - 8))
    shown = world.scenery.look(line, pose, cheap=True).shown
    assert defect.id in {each.defect_id for each in shown}
