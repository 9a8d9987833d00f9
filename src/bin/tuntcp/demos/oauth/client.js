"use strict";
// The client. It belongs to the page, and keeps its tokens as long as that is there.

const CLIENT = "page";
const HERE = location.origin + "/client";
const element = (id) => document.getElementById(id);
let tokens = {};

// SHA-256 (FIPS 180-4). Browsers have it for pages from https and localhost only.
function sha256(bytes) {
  const primes = [];
  for (let n = 2; primes.length < 64; n++) if (primes.every((p) => n % p)) primes.push(n);
  const fraction = (x) => ((x - Math.floor(x)) * 2 ** 32) | 0;
  const k = primes.map((p) => fraction(Math.cbrt(p)));
  const hash = primes.slice(0, 8).map((p) => fraction(Math.sqrt(p)));
  const rotate = (x, n) => (x >>> n) | (x << (32 - n));

  const padded = new Uint8Array(Math.ceil((bytes.length + 9) / 64) * 64);
  padded.set(bytes);
  padded[bytes.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setUint32(padded.length - 4, bytes.length * 8);
  for (let block = 0; block < padded.length; block += 64) {
    const w = [];
    for (let t = 0; t < 64; t++) {
      if (t < 16) { w.push(view.getInt32(block + 4 * t)); continue; }
      const [a, b] = [w[t - 15], w[t - 2]];
      const s0 = rotate(a, 7) ^ rotate(a, 18) ^ (a >>> 3);
      const s1 = rotate(b, 17) ^ rotate(b, 19) ^ (b >>> 10);
      w.push((w[t - 16] + s0 + w[t - 7] + s1) | 0);
    }
    let [a, b, c, d, e, f, g, h] = hash;
    for (let t = 0; t < 64; t++) {
      const s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
      const t1 = (h + s1 + ((e & f) ^ (~e & g)) + k[t] + w[t]) | 0;
      const s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
      const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      [a, b, c, d, e, f, g, h] = [(t1 + t2) | 0, a, b, c, (d + t1) | 0, e, f, g];
    }
    [a, b, c, d, e, f, g, h].forEach((x, i) => { hash[i] = (hash[i] + x) | 0; });
  }
  const result = new DataView(new ArrayBuffer(32));
  hash.forEach((x, i) => result.setInt32(4 * i, x));
  return new Uint8Array(result.buffer);
}

const base64url = (bytes) =>
  btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));
// RFC 7636 4.2: what stands for the verifier while it is still secret.
const challenge = (verifier) => base64url(sha256(new TextEncoder().encode(verifier)));

function say(text, what) {
  element("outcome").textContent = text;
  element("outcome").scrollIntoView({ block: "center" });
  if (what) element("tokens").textContent = JSON.stringify(what, null, 2);
}

function refused(what) {
  tokens = {};
  say("Refused: " + what.error + ": " + (what.error_description || "no reason is told"), what);
}

// Sends the browser to the provider, and keeps what proves the way back.
function authorize(type) {
  const [state, verifier] = [random(), random()];
  sessionStorage.setItem("asked", JSON.stringify({ state, verifier }));
  const query = new URLSearchParams({
    response_type: type, client_id: CLIENT, redirect_uri: HERE, scope: "read write", state,
  });
  if (type === "code") {
    query.set("code_challenge", challenge(verifier));
    query.set("code_challenge_method", "S256");
  }
  location.assign("/authorize?" + query);
}

async function post(path, parameters, headers = {}) {
  const response = await fetch(path, { method: "POST", body: new URLSearchParams(parameters), headers });
  return response.json();
}

async function token(parameters, headers) {
  const answer = await post("/token", parameters, headers);
  if (answer.error) return refused(answer);
  tokens = answer;
  say("Here is a token, by " + parameters.grant_type + ".", tokens);
}

// What the provider has sent the browser back with.
async function comeBack() {
  const told = new URLSearchParams(location.search || location.hash.slice(1));
  const asked = JSON.parse(sessionStorage.getItem("asked") || "null");
  if (![...told.keys()].length) return;
  // Neither a code nor a token stays in the address, nor works twice.
  sessionStorage.removeItem("asked");
  history.replaceState(null, "", HERE);
  if (!asked || told.get("state") !== asked.state || told.get("iss") !== location.origin) {
    return refused({ error: "state", error_description: "this page has not asked for that" });
  }
  if (told.has("error")) return refused(Object.fromEntries(told));
  if (told.has("access_token")) {
    tokens = Object.fromEntries(told);
    return say("Here is a token, by implicit.", tokens);
  }
  await token({
    grant_type: "authorization_code", client_id: CLIENT, redirect_uri: HERE,
    code: told.get("code"), code_verifier: asked.verifier,
  });
}

const submit = (id, act) => element(id).addEventListener("submit", (event) => {
  event.preventDefault();
  act(Object.fromEntries(new FormData(event.target)));
});

element("code").onclick = () => authorize("code");
element("implicit").onclick = () => authorize("token");
submit("password", (user) => token({ grant_type: "password", client_id: CLIENT, ...user }));
submit("robot", ({ id, secret }) => token(
  { grant_type: "client_credentials" }, { Authorization: "Basic " + btoa(id + ":" + secret) }));
element("refresh").onclick = () => token({
  grant_type: "refresh_token", client_id: CLIENT, refresh_token: tokens.refresh_token || "none",
});
element("revoke").onclick = async () => {
  await post("/revoke", { token: tokens.access_token || "none", client_id: CLIENT });
  say("Revoked.");
};
element("resource").onclick = async () => {
  const response = await fetch("/resource", {
    headers: tokens.access_token ? { Authorization: "Bearer " + tokens.access_token } : {},
  });
  element("answer").textContent = response.status + "\n" + JSON.stringify(await response.json(), null, 2);
};
comeBack();
