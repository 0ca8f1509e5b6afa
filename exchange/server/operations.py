"""The answers to what only the operator may ask: time, the world around the venue, snapshots, faults. They raise Refusal."""

from __future__ import annotations

from ..schema.codes import FIRST_USER, Reason
from . import requests as r
from .asking import Asker, Desk, Work
from .errors import Data, Refusal, Trouble
from .faults import KINDS, MS, Faults
from .host import Host
from .people import is_address


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
    user, host = desk.user(request.user)[0].name, desk.host
    if request.reason not in Reason.__members__:
        known = [reason.name for reason in Reason]
        raise Refusal(Trouble.UNKNOWN_NAME, f"there is no reason {request.reason!r}", field="reason", given=request.reason, known=known)
    if request.ms is None and (request.kind in ("stall", "delay") or (request.kind == "skew" and request.drift_ppm is None)):
        other = " or 'drift_ppm'" if request.kind == "skew" else ""
        raise Refusal(Trouble.MISSING_FIELD, f"a fault of kind {request.kind!r} needs the field 'ms'{other}", field="ms")
    if request.ms is not None and request.ms < 0 and request.kind in ("stall", "delay"):
        message = f"ms is {request.ms}: only a clock goes ahead or behind"
        raise Refusal(Trouble.OUT_OF_BOUNDS, message, field="ms", limit=0, given=request.ms)
    his = host.connections(user)
    if request.kind == "none":
        gone = host.faults.pop(user, None)
        for one in his if gone is not None and gone.stalled_until > host.monotonic() else ():  # what is late stays on its way
            one.let_go()
    elif request.kind == "drop":
        session.then = lambda: _drop(host, user, request.count)
    else:
        _set(host.faults.of(user), request, host.monotonic())
    note = _note(host, user, request)
    return {"user": user, "connections": len(his), **({"note": note} if note else {})}


def _set(faults: Faults, request: r.SetFault, now: int) -> None:
    span = (request.ms or 0) * MS
    if request.kind == "skew":
        faults.set_clock(span, request.drift_ppm or 0, now)
    elif request.kind == "reject":
        faults.rejects, faults.reason = request.count, Reason[request.reason]
    elif request.kind == "duplicate":
        faults.duplicates = request.count
    elif request.kind == "delay":
        faults.delay = span
    else:
        faults.stalled_until = now + span


def _speaks_http(host: Host, user: str) -> bool:
    """May a user send requests over HTTP?"""
    return host.addresses is not None and is_address(user)


def _note(host: Host, user: str, request: r.SetFault) -> str:
    """How a user meets a fault that is set now, where one may not expect it, or why he may not; "": there is nothing to say."""
    kind = request.kind
    if kind == "drop":
        losses = max(0, request.count - _under_way(host, user)) if _speaks_http(host, user) else 0
        whose = "the next of his actions over HTTP is" if losses == 1 else f"the next {losses} of his actions over HTTP are"
        then = f"{whose} carried out without a reply" if losses else "nothing breaks"
        if not host.connections(user):
            return f"{user} has no connection at the moment: {then}"
        return f"his connections break, and {then}" if losses else ""
    if kind == "duplicate" and _speaks_http(host, user) and not any(one.is_of(user) for one in host.sessions):
        return f"{user} has no socket at the moment, and a reply over HTTP comes once: only sockets are told twice"
    return ""


def _under_way(host: Host, user: str) -> int:
    """Actions of his over HTTP that have no reply yet."""
    return sum(one.is_of(user) for one in host.calls if one.acts)


def _drop(host: Host, user: str, count: int) -> None:
    """His connections break. Over HTTP there is one for each request: those that are there break, and of actions `count` in all lose their
    reply."""
    broken = host.connections(user)
    lost = _under_way(host, user)
    for one in broken:
        one.drop()
    host.faults.met_by(user)["drop"] += len(broken)
    if _speaks_http(host, user) and (lost < count or user in host.faults):
        host.faults.of(user).losses = max(0, count - lost)


def faults(desk: Desk, session: Asker, request: r.FaultsQuery) -> Data:
    session.may("admin", is_noted=False)
    user, host = desk.user(request.user)[0].name, desk.host
    now, found, met = host.monotonic(), host.faults.get(user, Faults()), host.faults.met_by(user)
    return {
        "user": user, "connections": len(host.connections(user)), "rejects": found.rejects, "reason": found.reason.name,
        "losses": found.losses, "stall_ms": max(0, found.stalled_until - now) // MS, "delay_ms": found.delay // MS,
        "duplicates": found.duplicates, "skew_ms": found.shift(now) // MS, "drift_ppm": found.drift_ppm,
        "met": {kind: met[kind] for kind in KINDS},
    }  # fmt: skip
