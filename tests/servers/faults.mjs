// What the test authority does wrong on request, and what it remembers of the requests it saw.
// Counters (`_before`, `_after`) say how many of the next token requests are hit; the others stay until changed.

import { createHash } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

export const settings = {
  access_token_ttl: 5, // seconds
  refresh_token_ttl: 3600, // seconds
  token_delay_ms: 0, // before the grant is looked at
  token_answer_delay_ms: 0, // after the grant was carried out, before its answer leaves
  token_fail_before: 0, // 503, grant untouched
  token_429_before: 0, // 429 with Retry-After: 1, grant untouched
  token_html_before: 0, // 200 with a page instead of JSON, grant untouched
  token_drop_after: 0, // grant carried out, connection cut
  token_500_after: 0, // grant carried out, 500
  token_truncate_after: 0, // grant carried out, half of the answer
  registration_refused: 0, // the next n registrations get 400 invalid_client_metadata
  hide_oauth_metadata: 0, // 1: RFC 8414 metadata is 404, only OpenID discovery answers
};

const events = [];

export function set(changes) {
  for (const [name, value] of Object.entries(changes)) {
    if (!(name in settings)) throw new Error(`no setting "${name}"; there are ${Object.keys(settings).join(', ')}`);
    if (!Number.isInteger(value) || value < 0) throw new Error(`"${name}" must be a whole number of at least 0`);
  }
  Object.assign(settings, changes);
}

export function take(name) { // one use of a counter, if any is left
  if (settings[name] === 0) return false;
  settings[name] -= 1;
  return true;
}

export function fingerprint(secret) { // enough to compare, nothing to use
  return secret ? createHash('sha256').update(secret).digest('hex').slice(0, 12) : null;
}

export function remember(kind, facts = {}) {
  events.push({ kind, at: Date.now() / 1000, ...facts });
}

export function forget() {
  events.length = 0;
}

export function log() {
  const count = (kind, by) => events.filter((event) => event.kind === kind)
    .reduce((sums, event) => ({ ...sums, [event[by]]: (sums[event[by]] ?? 0) + 1 }), {});
  return {
    token_requests: events.filter((event) => event.kind === 'token_request').length,
    granted: count('granted', 'grant_type'),
    refused: count('refused', 'grant_type'),
    faults: count('fault', 'name'),
    revocations: events.filter((event) => event.kind === 'revocation').length,
    registrations: events.filter((event) => event.kind === 'registration').length,
    events,
  };
}

// The run that started this server fails if one of these shows in its output or in a file left behind.
export function registerSecrets(answer) {
  const file = process.env.KEYTURN_TEST_SECRETS;
  if (!file) return;
  const kinds = ['access_token', 'refresh_token', 'id_token', 'client_secret', 'registration_access_token'];
  const lines = kinds.filter((kind) => answer[kind]).map((kind) => `${JSON.stringify({ kind, secret: answer[kind] })}\n`);
  if (lines.length > 0) appendFileSync(file, lines.join(''));
}

// Answers true if the request was answered here and the grant must not be looked at.
export async function beforeToken(response) {
  remember('token_request');
  if (settings.token_delay_ms > 0) await sleep(settings.token_delay_ms);
  if (take('token_fail_before')) return answer(response, 'token_fail_before', 503, 'text/plain', 'try again later');
  if (take('token_429_before')) {
    response.setHeader('Retry-After', '1');
    return answer(response, 'token_429_before', 429, 'application/json', '{"error":"slow_down"}');
  }
  if (take('token_html_before')) {
    return answer(response, 'token_html_before', 200, 'text/html', '<title>Proxy login</title>');
  }
  spoilAnswer(response);
  return false;
}

function answer(response, name, status, type, body) {
  remember('fault', { name });
  response.writeHead(status, { 'Content-Type': type, 'Cache-Control': 'no-store' });
  response.end(body);
  return true;
}

// The grant is carried out by the provider, which ends the response once, with its whole body: here it goes wrong.
function spoilAnswer(response) {
  const end = response.end.bind(response);
  response.end = (body, ...rest) => {
    const name = ['token_drop_after', 'token_500_after', 'token_truncate_after'].find(take);
    const send = () => {
      if (name === undefined) return end(body, ...rest);
      remember('fault', { name });
      if (name === 'token_drop_after') return response.socket.destroy();
      const wrong = name === 'token_500_after' ? 'internal error' : String(body).slice(0, String(body).length / 2);
      if (name === 'token_500_after') response.statusCode = 500;
      response.setHeader('Content-Length', Buffer.byteLength(wrong));
      return end(wrong);
    };
    if (settings.token_answer_delay_ms > 0) setTimeout(send, settings.token_answer_delay_ms);
    else send();
    return response;
  };
}
