"""The answers to what only the operator may ask: time, the world around the venue, snapshots, faults. They raise Refusal."""

from __future__ import annotations

from ..schema.codes import FIRST_USER, Reason
from . import requests as r
from .asking import Asker, Desk, Work
from .errors import Data, Refusal, Trouble
from .faults import MS


def step(desk: Desk, session: Asker, request: r.Step) -> Work:
    session.may("admin")
    clock = desk.host.clock
    if not clock.is_stepped:
        raise Refusal(Trouble.NOT_STEPPED, "this clock runs by itself; --clock step makes one that is stepped", field="ms")
    yield from desk.host.passing(desk.host.step(request.ms * 1_000_000))
    desk.host.flush()
    return {"ts": desk.host.now()}


def set_clock(desk: Desk, session: Asker, request: r.SetClock) -> Data:
    session.may("admin")
    desk.host.run_clock(request.speed)
    return {"ts": desk.host.now(), "speed": request.speed}


def set_world(desk: Desk, session: Asker, request: r.SetWorld) -> Data:
    session.may("admin")
    if desk.host.world is None:
        message = "this server was started with --world none, or its world has failed and was switched off"
        raise Refusal(Trouble.NO_WORLD, message)
    changes = {name: getattr(request, name) for name in request.__struct_fields__ if name != "id"}
    if request.market is not None:
        changes["market"] = desk.market(request.market)
    try:
        state = desk.host.world.change(desk.host.now(), changes)
    except ValueError as error:
        raise Refusal(Trouble.OUT_OF_BOUNDS, str(error), field="shock_ppm", given=request.shock_ppm) from None
    desk.host.save_world()
    desk.host.pass_time()
    return {"world": state, "ts": desk.host.exchange.now}


def liquidate(desk: Desk, session: Asker, request: r.Liquidate) -> Data:
    session.may("admin")
    if not FIRST_USER <= request.account < desk.host.exchange.state.accounts.count:
        raise Refusal(Trouble.NO_ACCOUNT, f"there is no user's account {request.account}", field="account", given=request.account)
    desk.host.pass_time()
    taken = desk.host.liquidate(request.account, -1 if request.market is None else desk.market(request.market))
    debits = [{"asset": one.asset, "market": one.market if one.market >= 0 else None, "amount": one.amount} for one in taken]
    return {"debits": debits, "ts": desk.host.exchange.now}


def grant(desk: Desk, session: Asker, request: r.Grant) -> Data:
    session.may("admin")
    host, asset = desk.host, desk.asset(request.asset)
    account, key = host.grant(request.user, asset, request.amount)
    told: Data = {"user": host.people.owner_of[account].name, "account": account, "balance": host.exchange.balance(account, asset)}
    return told if key is None else {**told, "key": key.key, "secret": key.secret}


def snapshot(desk: Desk, session: Asker, request: r.Snapshot) -> Data:
    session.may("admin")
    ts, forgotten = desk.host.keep(request.name)
    venue = desk.host.exchange
    told: Data = {"name": request.name, "ts": ts, "seq": venue.state.log.seq, "state_hash": venue.state_hash()}
    return {**told, "forgotten": forgotten} if forgotten else told


def rewind(desk: Desk, session: Asker, request: r.Rewind) -> Data:
    session.may("admin")
    ts = desk.host.go_back(request.name)
    session.then = lambda: desk.host.tell_epoch(request.name)
    venue = desk.host.exchange
    told: Data = {"name": request.name, "ts": ts, "seq": venue.state.log.seq, "state_hash": venue.state_hash()}
    return {**told, "epoch": desk.host.epoch}


def snapshots(desk: Desk, session: Asker, request: r.Snapshots) -> Data:
    session.may("admin")
    return {"names": list(desk.host.moments.numbers)}


def set_fault(desk: Desk, session: Asker, request: r.SetFault) -> Data:
    session.may("admin")
    user = desk.user(request.user).name
    if request.reason not in Reason.__members__:
        known = [reason.name for reason in Reason]
        raise Refusal(Trouble.UNKNOWN_NAME, f"there is no reason {request.reason!r}", field="reason", given=request.reason, known=known)
    if request.kind == "none":
        desk.host.faults.pop(user, None)
        return {}
    if request.kind == "drop":
        session.then = lambda: _drop(desk, user)
        return {}
    if request.ms < 0 and request.kind != "skew":
        message = f"ms is {request.ms}: only a clock goes ahead or behind"
        raise Refusal(Trouble.OUT_OF_BOUNDS, message, field="ms", limit=0, given=request.ms)
    faults = desk.host.faults.of(user)
    if request.kind == "skew":
        faults.set_clock(request.ms * MS, request.drift_ppm, desk.host.monotonic())
    elif request.kind == "reject":
        faults.rejects, faults.reason = request.count, Reason[request.reason]
    elif request.kind == "duplicate":
        faults.duplicates = request.count
    elif request.kind == "delay":
        faults.delay = request.ms * MS
    else:
        faults.stalled_until = desk.host.monotonic() + request.ms * MS
    return {}


def _drop(desk: Desk, user: str) -> None:
    for one in list(desk.host.sessions):
        if one.user is not None and one.user.name == user:
            one.drop()
