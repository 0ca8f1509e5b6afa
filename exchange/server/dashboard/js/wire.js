// One socket to the venue: requests with replies, streams with snapshots. It comes back by itself, and every stream begins anew then.

import {counted} from "./frame.js";

const PING_MS = 4000; // a subscriber that says nothing for 15 s is taken for dead
const DEAD_MS = 12000; // without a word from the server, which has a heartbeat every second
const FIRST_WAIT_MS = 400,
  LONGEST_WAIT_MS = 10000;

export class Refused extends Error {
  constructor(reply) {
    super(reply.message ?? reply.reason);
    this.reason = reply.reason;
    this.reply = reply;
  }
}

const keyOf = (channel, {market, account} = {}) => `${channel}/${market ?? ""}/${account ?? ""}`;

export class Wire {
  constructor() {
    this.socket = null;
    this.number = 0;
    this.asked = new Map(); // id -> how to answer who waits for the reply
    this.streams = new Map(); // key -> {channel, fields, handle, seq}
    this.watchers = []; // of the connection: told "open", "lost" and when it is tried again
    this.others = new Map(); // handlers of what is no subscription: heartbeat, venue
    this.wait = FIRST_WAIT_MS;
    this.heard = 0;
    setInterval(() => this.look(), PING_MS);
    addEventListener("online", () => this.again());
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden && !this.isOpen) this.again();
    });
  }

  get isOpen() {
    return this.socket?.readyState === WebSocket.OPEN;
  }

  connect() {
    clearTimeout(this.timer);
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = (this.socket = new WebSocket(`${scheme}//${location.host}/ws?int64=text`));
    socket.onopen = () => this.opened();
    socket.onmessage = event => {
      if (socket === this.socket) counted(() => this.hear(JSON.parse(event.data)));
    };
    socket.onclose = event => {
      if (socket === this.socket) this.lost(event.reason);
    };
  }

  /** Try again now, without waiting. */
  again() {
    if (this.isOpen || this.socket?.readyState === WebSocket.CONNECTING) return;
    this.connect();
  }

  opened() {
    this.wait = FIRST_WAIT_MS;
    this.heard = performance.now();
    for (const stream of this.streams.values()) if (stream.channel !== "private") this.begin(stream); // those come after the login
    for (const watch of this.watchers) watch("open");
  }

  lost(reason) {
    const waiting = [...this.asked.values()];
    this.asked.clear();
    for (const {reject} of waiting) reject(new Refused({reason: "LOST", message: "the connection broke before the reply came"}));
    const wait = Math.round(this.wait * (0.75 + Math.random() / 2)); // not all pages at the same moment
    this.wait = Math.min(this.wait * 2, LONGEST_WAIT_MS);
    this.timer = setTimeout(() => this.connect(), wait);
    for (const watch of this.watchers) watch("lost", {wait, reason});
  }

  look() {
    if (!this.isOpen) return;
    if (performance.now() - this.heard > DEAD_MS && !document.hidden) return this.drop();
    this.ask("ping").catch(() => {});
  }

  /** A socket of which nothing comes is given up: its own close may take minutes. */
  drop() {
    const socket = this.socket;
    socket.onclose = socket.onmessage = null;
    socket.close();
    this.lost("nothing came");
  }

  /** Ask the venue. Resolves to the reply; rejects with Refused. */
  ask(op, fields = {}) {
    return new Promise((resolve, reject) => {
      if (!this.isOpen) return reject(new Refused({reason: "LOST", message: "there is no connection"}));
      const id = ++this.number;
      this.asked.set(id, {resolve, reject});
      this.socket.send(JSON.stringify({id, op, ...fields}));
    });
  }

  /** Listen to a stream, from its snapshot on; returns what ends it. */
  listen(channel, fields, handle) {
    const key = keyOf(channel, fields),
      stream = {channel, fields, handle, seq: null};
    this.streams.set(key, stream);
    if (this.isOpen) this.begin(stream);
    return () => {
      if (this.streams.get(key) !== stream) return;
      this.streams.delete(key);
      const {market, account} = fields;
      if (this.isOpen) this.ask("unsubscribe", {channel, market, account}).catch(() => {});
    };
  }

  /** Begin a stream anew after a login, which a private one needs. */
  renew(channel, fields) {
    const stream = this.streams.get(keyOf(channel, fields));
    if (stream) this.begin(stream);
  }

  begin(stream) {
    stream.seq = null;
    this.ask("subscribe", {channel: stream.channel, ...stream.fields}).catch(error => {
      if (error.reason !== "LOST" && error.reason !== "ALREADY_SUBSCRIBED") console.warn(`subscribe ${stream.channel}: ${error.message}`);
    });
  }

  /** Something was missed: begin anew, with a snapshot. */
  restart(stream) {
    const {market, account} = stream.fields;
    stream.seq = null;
    this.ask("unsubscribe", {channel: stream.channel, market, account}).then(
      () => {
        if ([...this.streams.values()].includes(stream)) this.begin(stream);
      },
      () => {},
    );
  }

  hear(message) {
    this.heard = performance.now();
    if (message.channel === undefined || message.id !== undefined) {
      const waiting = this.asked.get(message.id);
      this.asked.delete(message.id);
      if (waiting) message.ok ? waiting.resolve(message) : waiting.reject(new Refused(message));
      return;
    }
    const stream = this.streams.get(keyOf(message.channel, message));
    if (!stream) return this.others.get(message.channel)?.(message);
    if (message.type === "delta") {
      if (stream.seq === null) return; // of before the snapshot that was asked for
      if (message.prev_seq !== stream.seq) return this.restart(stream);
    }
    stream.seq = message.seq;
    stream.handle(message);
  }
}
