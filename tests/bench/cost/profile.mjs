// What `valgrind --tool=callgrind` counted: which function executed how many instructions. Pure functions.

// The name of a C++ function as one says it: without return type, template arguments, parameters and anonymous
// namespaces. Overloads and instances of a template share it.
export function shortName(demangled) {
  let name = demangled
    .replace(/'\d+$/, '') // callgrind's own mark of a function that calls itself
    .replaceAll(/ ?\[(clone |abi:)[^\]]*\]/g, '')
    .replaceAll('(anonymous namespace)::', '')
    .replaceAll(/operator\(\)/g, 'operator call')
    .replaceAll(/operator(<=>|<<|>>|<=|>=|<|>|->)/g, 'operator');
  const cut = (pattern) => {
    for (let before; before !== name; ) {
      before = name;
      name = name.replace(pattern, '');
    }
  };
  cut(/<[^<>]*>/);
  cut(/\([^()]*\)/);
  name = name.replaceAll(/\{lambda(#\d+)?\}/g, 'lambda$1').replaceAll('operator call', 'operator()');
  return name.replace(/( const| &+)+$/, '').replace(/^.* (?=\S*::|\S+$)/, '');
}

const isOurs = (name) => name.startsWith('poold::');

// Reads a file that callgrind wrote with --compress-strings=no, --compress-pos=no and --dump-line=no. Gives
// {total, functions}: of each function by its name {ours, self, calls}, where `calls` is what the functions that it
// called executed in all, by their names. Functions of ours go by their short names.
export function readProfile(text) {
  const functions = new Map();
  const keyOf = (demangled) => {
    const short = shortName(demangled);
    const ours = isOurs(short);
    const key = ours ? short.slice('poold::'.length) : demangled;
    if (!functions.has(key)) functions.set(key, { ours, self: 0, calls: new Map() });
    return key;
  };
  let caller;
  let callee;
  let total = 0;
  for (const line of text.split('\n')) {
    if (line.startsWith('fn=')) {
      caller = functions.get(keyOf(line.slice(3)));
    } else if (line.startsWith('cfn=')) {
      callee = keyOf(line.slice(4));
    } else if (/^\d+ \d+$/.test(line)) {
      const cost = Number(line.split(' ')[1]);
      if (callee === undefined) {
        caller.self += cost;
        total += cost;
      } else {
        caller.calls.set(callee, (caller.calls.get(callee) ?? 0) + cost);
      }
      callee = undefined;
    }
  }
  return { total, functions };
}

// Of each function of ours, in instructions: `all`, with everything that it calls; `own`, with those libraries that it
// calls, without other functions of ours; `self`, its own code alone. The `own` of all of them together are the total,
// but for what libraries do before they call us.
export function costs({ functions }) {
  const all = new Map();
  for (const [name, { self, calls }] of functions) {
    // A function that calls itself has counted that already.
    all.set(name, [...calls].reduce((sum, [callee, cost]) => (callee === name ? sum : sum + cost), self));
  }
  // Of what a library's function executes in all: the share that is not done by functions of ours which it calls back.
  const share = new Map([...functions].map(([name, { ours }]) => [name, ours ? 0 : 1]));
  const ownOf = (name, { self, calls }) =>
    [...calls].reduce((sum, [callee, cost]) => (callee === name ? sum : sum + cost * share.get(callee)), self);
  for (let i = 0; i < 20; ++i) {
    for (const [name, each] of functions) {
      if (!each.ours && all.get(name) > 0) share.set(name, Math.min(1, ownOf(name, each) / all.get(name)));
    }
  }
  const ours = [...functions].filter(([, each]) => each.ours);
  return Object.fromEntries(
    ours.map(([name, each]) => [name, { all: all.get(name), own: ownOf(name, each), self: each.self }]),
  );
}

// What one call costs, by a profile of `calls` calls and one of twice as many: what happens once per run, such as a new
// connection, is in both. {instructions, functions}, rounded.
export function perCall(once, twice, calls) {
  const [before, after] = [costs(once), costs(twice)];
  const functions = {};
  for (const [name, cost] of Object.entries(after)) {
    const each = (kind) => Math.round((cost[kind] - (before[name]?.[kind] ?? 0)) / calls);
    functions[name] = { all: each('all'), own: each('own'), self: each('self') };
  }
  return { instructions: Math.round((twice.total - once.total) / calls), functions };
}
