// The pages that a person meets at the test authority: sign in, consent, device code, the code to paste, an error.
// Every input has a label and every button a name, so that a browser script finds them as a person does.

const ESCAPES = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

export function escape(text) {
  return String(text).replace(/[&<>"']/g, (mark) => ESCAPES[mark]);
}

export function page(title, body) {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escape(title)}</title>
<style>
  :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
  body { max-width: 26rem; margin: 12vh auto; padding: 0 1rem; }
  label, input, button { display: block; width: 100%; box-sizing: border-box; font: inherit; }
  input { padding: .5rem; margin-bottom: 1rem; }
  button { padding: .6rem; margin-top: .5rem; }
  code { overflow-wrap: anywhere; }
  .problem { color: #c0392b; }
</style>
<h1>${escape(title)}</h1>
${body}
</html>`;
}

export function signIn(uid, clientName, problem) {
  return page('Sign in', `
<p>to go on to <strong>${escape(clientName)}</strong></p>
${problem ? `<p class="problem" role="alert">${escape(problem)}</p>` : ''}
<form method="post" action="/interaction/${escape(uid)}/login">
  <label for="email">Email</label>
  <input id="email" name="email" type="text" autocomplete="username" autofocus>
  <label for="password">Password</label>
  <input id="password" name="password" type="password" autocomplete="current-password">
  <button type="submit">Sign in</button>
</form>`);
}

export function consent(uid, clientName, account, scopes) {
  return page(`Allow ${clientName}?`, `
<p>You are signed in as <strong>${escape(account)}</strong>. ${escape(clientName)} asks for:</p>
<ul>${scopes.map((scope) => `<li>${escape(scope)}</li>`).join('')}</ul>
<form method="post" action="/interaction/${escape(uid)}/consent">
  <button type="submit" name="decision" value="allow">Allow</button>
  <button type="submit" name="decision" value="deny">Deny</button>
</form>`);
}

export function paste(query) {
  if (query.get('error')) return page('Login refused', `<p class="problem">${escape(query.get('error'))}</p>`);
  return page('Your code', `
<p>Copy this into the program that asked for it:</p>
<p><code id="code">${escape(`${query.get('code')}#${query.get('state')}`)}</code></p>`);
}

export function problem(facts) {
  const lines = Object.entries(facts).map(([name, value]) => `<p class="problem">${escape(name)}: ${escape(value)}</p>`);
  return page('Something is wrong', lines.join(''));
}

export const device = {
  // oidc-provider makes the form itself; its one field has no label, so it is given a name here.
  enterCode(form, problemText) {
    const labelled = form.replace('type="text"', 'type="text" aria-label="Code"');
    return page('Connect a device', `
<p>Enter the code that the device shows.</p>
${problemText ? `<p class="problem" role="alert">${escape(problemText)}</p>` : ''}
${labelled}<button type="submit" form="op.deviceInputForm">Continue</button>`);
  },
  confirm(form, clientName, code) {
    return page('Is this the code?', `
<p><strong>${escape(clientName)}</strong> shows the code <code>${escape(code)}</code>.</p>
${form}<button type="submit" form="op.deviceConfirmForm">Yes, connect</button>
<button type="submit" form="op.deviceConfirmForm" name="abort" value="yes">No, stop</button>`);
  },
  done() {
    return page('Device connected', '<p>You can close this page.</p>');
  },
};
