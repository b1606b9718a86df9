// A real OpenID provider for tests: `node server.mjs FOLDER_WITH_NODE_MODULES REDIRECT_URI` prints its issuer when it listens.
// Its log-in form takes any name; `amr` and `acr` say how the person proved to be it.
import { createServer } from "node:http";
import { pathToFileURL } from "node:url";

const { default: Provider } = await import(pathToFileURL(`${process.argv[2]}/node_modules/oidc-provider/lib/index.js`));

const FORM = `<!doctype html><title>Council accounts</title><form method="post">
<label>Name <input name="login"></label><label>Proven by <input name="amr" value="mfa"></label><button>Go on</button></form>`;
const server = createServer();
await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
const issuer = `http://127.0.0.1:${server.address().port}`;

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: "belvedere",
      client_secret: "a secret of the test",
      redirect_uris: [process.argv[3]],
      response_types: ["code"],
      grant_types: ["authorization_code"],
      post_logout_redirect_uris: [process.argv[3].replace(/council$/, "")],
      ...(process.argv[4] ? { backchannel_logout_uri: process.argv[4], backchannel_logout_session_required: true } : {}),
    },
  ],
  acrValues: ["urn:council:mfa"],
  claims: { openid: ["sub", "amr", "acr"], profile: ["preferred_username"], email: ["email", "email_verified"] },
  conformIdTokenClaims: false, // names stand in the ID token, as most providers do it
  features: { devInteractions: { enabled: false }, backchannelLogout: { enabled: true } },
  // The hub of the test is on this machine, and slow when the machine is busy: no guard against such addresses, no time limit.
  fetch: (url, options) => fetch(url, { ...options, dispatcher: undefined, signal: undefined }),
  pkce: { required: () => true },
  async findAccount(_ctx, id) {
    const name = id.split("|")[0]; // "ann|2" is another person who was given ann's name
    const claims = { sub: id, preferred_username: name, email: `${name}@council.test`, email_verified: id === name };
    return { accountId: id, claims: async () => claims };
  },
  async loadExistingGrant(ctx) {
    const grant = new provider.Grant({ clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId });
    grant.addOIDCScope("openid profile email");
    await grant.save();
    return grant;
  },
  interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
});
provider.on("server_error", (_ctx, error) => console.error(error));

const answer = provider.callback();
server.on("request", async (request, response) => {
  if (!request.url.startsWith("/interaction/")) return answer(request, response);
  const details = await provider.interactionDetails(request, response);
  if (request.method === "GET") return response.setHeader("Content-Type", "text/html").end(FORM);
  let body = "";
  for await (const part of request) body += part;
  const form = new URLSearchParams(body);
  const result = form.get("refuse")
    ? { error: "access_denied", error_description: "The person called it off" }
    : { login: { accountId: form.get("login"), amr: form.getAll("amr"), acr: form.get("acr") ?? undefined } };
  await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
});
console.log(issuer);
