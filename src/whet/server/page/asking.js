// The server's answers, or why there are none.
import { knows, say } from "./words.js";

let token = "";

export class Refused extends Error {
  constructor(code, message, status) {
    super(message);
    Object.assign(this, { code, status });
  }
}

export function use(given) {
  token = given;
}

export async function ask(path, document, signal) {
  const headers = token ? { Authorization: "Bearer " + token } : {};
  const options = { headers, signal, cache: "no-store", credentials: "omit" };
  if (document) Object.assign(options, { method: "POST", body: JSON.stringify(document) });
  if (document) headers["Content-Type"] = "application/json";
  let answer;
  try {
    answer = await fetch(path, options);
  } catch (fault) {
    if (fault.name === "AbortError") throw fault;
    throw new Refused("unreachable", "", 0);
  }
  const found = await answer.json().catch(() => ({}));
  if (answer.ok) return found;
  const { code = "", message = "" } = found.error ?? {};
  throw Object.assign(new Refused(code, message, answer.status), { wait: Number(answer.headers.get("Retry-After") ?? 1) });
}

// The same, with patience for a server that is busy.
export async function askPatiently(path, document, signal, told) {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await ask(path, document, signal);
    } catch (fault) {
      if (!(fault instanceof Refused) || ![429, 503].includes(fault.status) || attempt >= 9) throw fault;
      told();
      await new Promise((go) => setTimeout(go, 1000 * Math.min(10, Math.max(1, fault.wait))));
      if (signal.aborted) throw new DOMException("", "AbortError");
    }
  }
}

export function reason(fault) {
  if (!(fault instanceof Refused)) return String(fault.message);
  return knows(fault.code) ? say(fault.code) : say("refused", { why: fault.message || String(fault.status) });
}
