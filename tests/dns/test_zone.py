from __future__ import annotations

import pytest

from certsuite.dns.zone import A, Aaaa, Srv, Zone, plain_name


def test_with_and_without_leave_the_zone_as_it_was() -> None:
    empty = Zone()
    zone = empty.with_srv("_sips._tcp.OBP.example.", priority=5, weight=10, port=18_934, target="Edge1.example", ttl=30)
    both = zone.with_address("edge1.example", "127.8.0.2").with_address("edge1.example", "::1")

    assert empty.records == ()
    (srv,) = both.find("_SIPS._tcp.obp.example", "SRV")
    assert (srv.data, srv.ttl, srv.type) == (Srv(5, 10, 18_934, "edge1.example"), 30, "SRV")
    assert [record.data for record in both.find("edge1.example", "ANY")] == [A("127.8.0.2"), Aaaa("::1")]
    assert both.without("edge1.example", "AAAA").find("edge1.example", "ANY") == both.find("edge1.example", "A")
    assert both.without("EDGE1.example.") == zone
    assert {record.ttl for record in both.with_ttl(5).records} == {5}


def test_names_exist_if_something_is_below_them() -> None:
    zone = Zone().with_address("a.b.example", "127.0.0.1")
    assert zone.exists("a.b.example")
    assert zone.exists("B.example.")
    assert not zone.exists("b.example", itself=True)
    assert not zone.exists("c.example")


def test_a_cname_stands_alone() -> None:
    zone = Zone().with_cname("www.example", "host.example")
    with pytest.raises(ValueError, match="stands alone"):
        zone.with_address("www.example", "127.0.0.1")
    with pytest.raises(ValueError, match="stands alone"):
        zone.with_cname("www.example", "other.example")
    with pytest.raises(ValueError, match="stands alone"):
        Zone().with_address("a.example", "127.0.0.1").with_cname("a.example", "b.example")


@pytest.mark.parametrize("name", ["", ".", "a..b", "a" * 64, ".".join(["a" * 60] * 5)])
def test_what_is_no_name(name: str) -> None:
    with pytest.raises(ValueError, match="no domain name"):
        plain_name(name)


def test_what_is_no_address() -> None:
    with pytest.raises(ValueError, match="address"):
        Zone().with_address("a.example", "127.0.0")


def test_a_service_may_be_decidedly_absent() -> None:
    (record,) = Zone().with_srv("_sips._tcp.a.example", priority=0, weight=0, port=0, target=".").records
    assert record.data == Srv(0, 0, 0, ".")
