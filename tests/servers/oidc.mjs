// The certified authorization server `oidc-provider`, set up as the authority of keyturn's tests. Loopback only.
//
//   node oidc.mjs [--host localhost] [--access-token-ttl 5]
//
// Prints one JSON line {"issuer", "client_id", "port"} when it answers; ends when its standard input ends.
// POST /_ctl/set {name: number}, GET /_ctl/log, POST /_ctl/reset, POST /_ctl/revoke_all: see faults.mjs.

import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';

console.info = console.error; // standard output carries the one JSON line and nothing else
const { default: Provider, errors } = await import('oidc-provider');
const faults = await import('./faults.mjs');
const pages = await import('./pages.mjs');
const { interactions } = await import('./interactions.mjs');

const CLIENT_ID = 'keyturn-test';
const NATIVE_REDIRECTS = ['127.0.0.1', 'localhost', '[::1]'].flatMap(
  (host) => ['/callback', '/oauth/callback', '/'].map((path) => `http://${host}${path}`),
);
const DEVICE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code';

const { values: options } = parseArgs({
  options: {
    host: { type: 'string', default: '127.0.0.1' },
    'access-token-ttl': { type: 'string', default: process.env.KEYTURN_TEST_ACCESS_TTL ?? '5' },
  },
});
faults.set({ access_token_ttl: Number(options['access-token-ttl']) });

const server = createServer();
await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
const { port } = server.address();
const issuer = `http://${options.host}:${port}`;

const jwk = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' });
const provider = new Provider(issuer, {
  clients: [
    {
      client_id: CLIENT_ID,
      client_name: 'keyturn',
      application_type: 'native',
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token', DEVICE_GRANT],
      response_types: ['code'],
      redirect_uris: [...NATIVE_REDIRECTS, `${issuer}/oob`],
    },
    { // an API that asks whether a token is alive
      client_id: 'rs',
      client_secret: 'rs-secret',
      grant_types: [],
      response_types: [],
      redirect_uris: [],
    },
  ],
  jwks: { keys: [{ ...jwk, use: 'sig', alg: 'RS256' }] },
  cookies: { keys: [randomBytes(16).toString('hex')] },
  scopes: ['openid', 'offline_access', 'email', 'api'],
  claims: { openid: ['sub'], email: ['email'] },
  responseTypes: ['code'],
  pkce: { required: () => true },
  rotateRefreshToken: true,
  issueRefreshToken: (_ctx, client) => client.grantTypeAllowed('refresh_token'),
  expiresWithSession: () => false,
  findAccount: (_ctx, id) => ({ accountId: id, claims: () => ({ sub: id, email: id }) }),
  interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
  renderError(ctx, out) {
    ctx.type = 'html';
    ctx.body = pages.problem(out);
  },
  features: {
    devInteractions: { enabled: false },
    registration: { enabled: true },
    revocation: { enabled: true },
    introspection: { enabled: true, allowedPolicy: (_ctx, client) => client.clientId === 'rs' },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: () => ({
        scope: 'api',
        accessTokenFormat: 'opaque',
        accessTokenTTL: faults.settings.access_token_ttl,
      }),
    },
    deviceFlow: {
      enabled: true,
      userCodeInputSource(ctx, form, _out, error) {
        ctx.body = pages.device.enterCode(form, error ? 'That code does not work' : '');
      },
      userCodeConfirmSource(ctx, form, client, _info, code) {
        ctx.body = pages.device.confirm(form, client.clientName ?? client.clientId, code);
      },
      successSource(ctx) {
        ctx.body = pages.device.done();
      },
    },
  },
  ttl: {
    AccessToken: () => faults.settings.access_token_ttl,
    RefreshToken: () => faults.settings.refresh_token_ttl,
    AuthorizationCode: 60,
    DeviceCode: 600,
    Grant: 86400,
    IdToken: 3600,
    Interaction: 600,
    Session: 86400,
  },
});

const grants = new Set();
provider.on('grant.success', (ctx) => {
  const { grant_type: grantType, refresh_token: presented } = ctx.oidc.params;
  faults.registerSecrets(ctx.body);
  for (const entity of Object.values(ctx.oidc.entities)) if (entity?.grantId) grants.add(entity.grantId);
  faults.remember('granted', {
    grant_type: grantType,
    presented: faults.fingerprint(presented),
    access_token: faults.fingerprint(ctx.body.access_token),
    refresh_token: faults.fingerprint(ctx.body.refresh_token),
  });
});
provider.on('grant.error', (ctx, error) => {
  const { grant_type: grantType, refresh_token: presented } = ctx.oidc?.params ?? {};
  faults.remember('refused', {
    grant_type: grantType ?? 'none',
    presented: faults.fingerprint(presented),
    error: error.message,
    detail: error.error_detail ?? null,
  });
});
provider.on('registration_create.success', (ctx) => {
  faults.registerSecrets(ctx.body);
  faults.remember('registration', { client_id: ctx.body.client_id });
});
provider.use(async (ctx, next) => {
  await next();
  if (ctx.oidc?.route === 'revocation' && ctx.status === 200) {
    faults.remember('revocation', { token: faults.fingerprint(ctx.oidc.params?.token) });
  }
});
provider.on('server_error', (_ctx, error) => console.error(error));
provider.use(interactions(provider, errors));

async function control(request, path) {
  if (path === '/_ctl/log') return faults.log();
  if (request.method !== 'POST') throw new Error('use POST');
  if (path === '/_ctl/reset') return faults.forget() ?? {};
  if (path === '/_ctl/revoke_all') { // what an administrator does: every login is gone, nobody is told
    const models = [provider.AccessToken, provider.RefreshToken, provider.AuthorizationCode];
    await Promise.all([...grants].flatMap((id) => models.map((model) => model.revokeByGrantId(id))));
    return { revoked: grants.size };
  }
  if (path !== '/_ctl/set') throw new Error(`no control "${path}"`);
  const parts = [];
  for await (const part of request) parts.push(part);
  faults.set(JSON.parse(Buffer.concat(parts)));
  return faults.settings;
}

function reply(response, status, type, body) {
  response.writeHead(status, { 'Content-Type': type, 'Cache-Control': 'no-store' });
  response.end(body);
}

const callback = provider.callback();
server.on('request', async (request, response) => {
  const url = new URL(request.url, issuer);
  if (url.pathname.startsWith('/_ctl/')) {
    try {
      reply(response, 200, 'application/json', JSON.stringify(await control(request, url.pathname)));
    } catch (error) {
      reply(response, 400, 'application/json', JSON.stringify({ error: error.message }));
    }
  } else if (url.pathname === '/oob') {
    reply(response, 200, 'text/html; charset=utf-8', pages.paste(url.searchParams));
  } else if (url.pathname === '/.well-known/oauth-authorization-server' && faults.settings.hide_oauth_metadata) {
    reply(response, 404, 'text/plain', 'not found');
  } else if (url.pathname === '/reg' && request.method === 'POST' && faults.take('registration_refused')) {
    faults.remember('fault', { name: 'registration_refused' });
    reply(response, 400, 'application/json', '{"error":"invalid_client_metadata","error_description":"not here"}');
  } else if (url.pathname === '/token' && request.method === 'POST') {
    if (!await faults.beforeToken(response)) callback(request, response);
  } else {
    callback(request, response);
  }
});

process.stdin.on('end', () => process.exit(0)).resume();
console.log(JSON.stringify({ issuer, client_id: CLIENT_ID, port }));
