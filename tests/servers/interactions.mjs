// Sign-in and consent at the test authority. Any e-mail address is an account; its password is `open-sesame`.

import * as pages from './pages.mjs';

const PASSWORD = 'open-sesame';
const INTERACTION = /^\/interaction\/([^/]+)(?:\/(login|consent))?$/;

export function interactions(provider, errors) {
  return async (ctx, next) => {
    const [, uid, step] = INTERACTION.exec(ctx.path) ?? [];
    if (uid === undefined) return next();
    ctx.set('Cache-Control', 'no-store');
    try {
      if (ctx.method === 'GET' && step === undefined) return await show(provider, ctx, '');
      if (ctx.method === 'POST' && step === 'login') return await signIn(provider, ctx);
      if (ctx.method === 'POST' && step === 'consent') return await decide(provider, ctx);
    } catch (error) {
      if (!(error instanceof errors.SessionNotFound)) throw error;
      ctx.status = 400;
      return html(ctx, pages.problem({ error: 'this login has expired; begin again in the program' }));
    }
    ctx.status = 404;
    return html(ctx, pages.problem({ error: 'not found' }));
  };
}

async function show(provider, ctx, problem) {
  const { uid, prompt, params, session } = await provider.interactionDetails(ctx.req, ctx.res);
  const client = await provider.Client.find(params.client_id);
  const name = client.clientName ?? client.clientId;
  if (prompt.name === 'login') return html(ctx, pages.signIn(uid, name, problem));
  const scopes = String(params.scope ?? '').split(' ').filter(Boolean);
  return html(ctx, pages.consent(uid, name, session.accountId, scopes));
}

async function signIn(provider, ctx) {
  const form = await readForm(ctx.req);
  const email = (form.get('email') ?? '').trim();
  if (email === '' || form.get('password') !== PASSWORD) {
    ctx.status = 400;
    return show(provider, ctx, 'Email or password is wrong');
  }
  return finish(provider, ctx, { login: { accountId: email } }, false);
}

async function decide(provider, ctx) {
  const form = await readForm(ctx.req);
  if (form.get('decision') !== 'allow') {
    const refusal = { error: 'access_denied', error_description: 'the person said no' };
    return finish(provider, ctx, refusal, false);
  }
  const { grantId, prompt, params, session } = await provider.interactionDetails(ctx.req, ctx.res);
  const grant = (grantId && await provider.Grant.find(grantId))
    || new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  const { missingOIDCScope, missingOIDCClaims, missingResourceScopes } = prompt.details;
  if (missingOIDCScope) grant.addOIDCScope(missingOIDCScope.join(' '));
  if (missingOIDCClaims) grant.addOIDCClaims(missingOIDCClaims);
  for (const [resource, scopes] of Object.entries(missingResourceScopes ?? {})) {
    grant.addResourceScope(resource, scopes.join(' '));
  }
  return finish(provider, ctx, { consent: { grantId: await grant.save() } }, true);
}

async function finish(provider, ctx, result, merge) {
  const to = await provider.interactionResult(ctx.req, ctx.res, result, { mergeWithLastSubmission: merge });
  ctx.status = 303;
  ctx.redirect(to);
}

function html(ctx, body) {
  ctx.type = 'html';
  ctx.body = body;
}

async function readForm(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  return new URLSearchParams(Buffer.concat(parts).toString());
}
