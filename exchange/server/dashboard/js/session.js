// Who is logged in: by a key and its secret, which never leaves the page, or by a name where the server trusts.

import {GIFT} from "./numbers.js";
import {Refused} from "./wire.js";

const KEPT = "perplab.session", // in this tab only, and until it is closed
  EARLIER = "perplab.earlier"; // who one was before one took the controls, or logged out as a guest, whose key is nowhere else

const stored = name => {
  try {
    return JSON.parse(sessionStorage.getItem(name));
  } catch {
    return null;
  }
};

const hex = bytes => [...new Uint8Array(bytes)].map(byte => byte.toString(16).padStart(2, "0")).join("");

async function signature(secret, nonce) {
  if (!globalThis.crypto?.subtle) throw new Refused({reason: "INSECURE", message: "browsers sign only on https pages and on localhost"});
  const text = new TextEncoder(),
    how = {name: "HMAC", hash: "SHA-256"};
  const key = await crypto.subtle.importKey("raw", text.encode(secret), how, false, ["sign"]);
  return hex(await crypto.subtle.sign("HMAC", key, text.encode(nonce)));
}

export class Session {
  constructor(wire) {
    this.wire = wire;
    this.user = null;
    this.account = null; // the user's first
    this.scopes = [];
    this.proof = null;
    this.earlier = stored(EARLIER); // {user, proof}, or null
    this.watchers = [];
    this.attempt = Promise.resolve();
  }

  get isOperator() {
    return this.scopes.includes("admin");
  }
  get mayTrade() {
    return this.scopes.includes("trade") && this.account !== null;
  }

  /** What the address said, #key=...&secret=... or #name=..., else what this tab knows. The fragment goes from the address bar. */
  read() {
    const told = new URLSearchParams(location.hash.slice(1));
    if (told.has("key") || told.has("name")) {
      history.replaceState(null, "", location.pathname + location.search);
      return told.has("key") ? {key: told.get("key"), secret: told.get("secret") ?? ""} : {name: told.get("name")};
    }
    return stored(KEPT);
  }

  /** After every connect: be who one was. Raises Refused. */
  async restore() {
    const known = this.read();
    if (!known) return;
    try {
      await this.login(known);
    } catch (error) {
      if (error.reason !== "LOST") this.forget();
      throw error;
    }
  }

  /** `proof`: {key, secret} or {name}. Raises Refused. */
  login(proof) {
    return (this.attempt = this.attempt
      .catch(() => {})
      .then(async () => {
        // one after the other: a challenge is for one login
        const {nonce} = proof.key === undefined ? {} : await this.wire.ask("challenge", {key: proof.key});
        const reply = await this.wire.ask(
          "login",
          nonce === undefined ? proof : {key: proof.key, signature: await signature(proof.secret, nonce)},
        );
        sessionStorage.setItem(KEPT, JSON.stringify(proof));
        if (this.proof && !this.isOperator && JSON.stringify(proof) !== JSON.stringify(this.proof)) this.remember();
        else if (this.earlier && JSON.stringify(proof) === JSON.stringify(this.earlier.proof)) this.remember(null);
        Object.assign(this, {user: reply.user, account: reply.accounts[0] ?? null, scopes: reply.scopes, proof});
        this.tell();
      }));
  }

  /** A new user with an account, a key and play money of an asset. Raises Refused. */
  async guest(asset) {
    const letters = hex(crypto.getRandomValues(new Uint8Array(3)));
    const {key, secret} = await this.wire.ask("faucet", {name: `guest-${letters}`, asset, amount: GIFT});
    await this.login({key, secret, isGuest: true});
  }

  /** The controls of a server that trusts: a name is enough there, also one's own, with all that one has. Raises Refused. */
  control() {
    return this.login({name: this.user ?? "operator"});
  }

  /** Be again who one was. Raises Refused, and of one whom the server no longer knows nothing is left. */
  async back() {
    try {
      await this.login(this.earlier.proof);
    } catch (error) {
      if (error.reason !== "LOST") {
        this.remember(null);
        this.tell();
      }
      throw error;
    }
  }

  remember(earlier = {user: this.user, proof: this.proof}) {
    this.earlier = earlier;
    if (earlier) sessionStorage.setItem(EARLIER, JSON.stringify(earlier));
    else sessionStorage.removeItem(EARLIER);
  }

  /** As much more into the account, which is opened if there is none. Raises Refused. */
  async fund(asset) {
    if (this.account === null) {
      this.account = (await this.wire.ask("open_account")).account;
      this.tell();
    }
    await this.wire.ask("faucet", {account: this.account, asset, amount: GIFT});
  }

  async logout() {
    if (this.proof?.isGuest) this.remember();
    this.forget();
    await this.wire.ask("logout");
  }

  forget() {
    sessionStorage.removeItem(KEPT);
    Object.assign(this, {user: null, account: null, scopes: [], proof: null});
    this.tell();
  }

  tell() {
    for (const watch of this.watchers) watch(this);
  }
}
