// Lists what it is told to with two versions of the official JavaScript client: the latest, and the one in the CLI.
// Standard input: [{client, host, token, call, parameters}]. Standard output: [{unknown, data, error}].
const path = require('path');

const CLIENTS = {
  'js-client': path.join(__dirname, 'node_modules/@northflank/js-client'),
  cli: path.join(__dirname, 'node_modules/@northflank/cli/node_modules/@northflank/js-client'),
};

async function connected(client, host, token) {
  const { ApiClient, ApiClientInMemoryContextProvider } = require(CLIENTS[client]);
  const contexts = new ApiClientInMemoryContextProvider();
  await contexts.addContext({ name: 'test', token, host });
  return new ApiClient(contexts);
}

async function listed({ client, host, token, call, parameters }) {
  const api = await connected(client, host, token);
  const list = call.split('.').reduce((above, name) => above && above[name], api);
  if (!list) return { unknown: true };
  const options = { parameters, options: { per_page: 2 } };
  try {
    const answer = await (list.all ? list.all(options) : list(options));
    return { data: answer.data, error: answer.error };
  } catch (error) {
    return { error: String(error) };
  }
}

(async () => {
  let text = '';
  for await (const piece of process.stdin) text += piece;
  process.stdout.write(JSON.stringify(await Promise.all(JSON.parse(text).map(listed))));
})();
