// The marking page. Every text goes onto the screen with textContent; nothing that comes from the server is read as HTML.
'use strict';

const KEYS = [
  ['Enter', 'next answer that is to be marked or looked at'], ['← →', 'previous and next answer (also k and j)'],
  ['[ ]', 'previous and next question'], ['1 … 9', 'this line of the rubric: all of its points, or none'],
  ['Shift 1 … 9', 'half of them'], ['f', 'all points'], ['0', 'no points'], ['p', 'points by hand'], ['a', 'points as computed'],
  ['r', 'reason'], ['c', 'comment: write, or choose with ↑ and ↓; Enter adds it'], ['s', 'needs a second look'], ['z', 'undo'],
  ['v', 'pictures beside the answer, or large below it'], ['d', 'the question, and a good answer'], ['Esc', 'leave a field'], ['?', 'these keys'],
];
const TO_DO = ['to be marked', 'needs review'];
const NEWS_EVERY = 2000, TRY_AGAIN = 1500; // milliseconds

const at = (id) => document.getElementById(id);
const element = (name, text, attributes = {}) => {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
};
const short = (number) => String(Math.round(number * 100) / 100);

let questions = [], latest = 0, marker = '';
let question = null, place = 0; // the question, and the number of the answer in its list
let answer = null, draft = null; // the answer as the server has it, and the marks as they stand here
let saving = Promise.resolve(), unsaved = 0;
const seen = new Map(); // the latest decision that this marker knows, by answer
let large = false; // whether pictures stand below the answer
const done = []; // for undo
let acting = Promise.resolve(); // a key waits for what the one before has asked for, so that marks never fall on the wrong answer

// The server.

async function ask(path, body) {
  const options = { headers: {} };
  if (body) {
    const port = location.port || '80';
    const token = document.cookie.match(`cnnlab-mark-xsrf-${port}=([^;]*)`)?.[1] ?? '';
    options.method = 'POST';
    options.headers = { 'Content-Type': 'application/json', 'X-XSRFToken': token.replace(/^"|"$/g, '') };
    options.body = JSON.stringify(body);
  }
  const reply = await fetch(path, options);
  if (!reply.ok) throw Object.assign(new Error(await reply.text()), { status: reply.status });
  return reply.json();
}

const name = (one, key) => `${one}/${key}`;
const current = () => question?.answers[place];

function trouble(text) {
  at('trouble').textContent = text;
  at('trouble').hidden = !text;
}

// Decisions are sent one after the other, so that each knows the one before it; what does not arrive is sent again.
function save(what, remember = true) {
  const target = { question: question.name, key: answer.key };
  if (remember) done.push({ ...target, before: answer.decision });
  const body = { ...target, digest: answer.digest, ...what };
  Object.assign(answer, { decision: { ...answer.decision, ...what } });
  unsaved += 1;
  at('saved').textContent = 'saving …';
  saving = saving.then(async () => {
    for (;;) {
      try {
        const fresh = await ask('/api/decide', { ...body, seen: seen.get(name(target.question, target.key)) ?? 0 });
        trouble('');
        take(fresh);
        break;
      } catch (error) {
        if (error.status === 400) { trouble(`Not saved: ${error.message}`); break; }
        trouble(`Not saved yet, trying again: ${error.message}`);
        await new Promise((resolve) => setTimeout(resolve, TRY_AGAIN));
      }
    }
    unsaved -= 1;
    at('saved').textContent = unsaved ? 'saving …' : 'saved';
  });
}

function take(fresh) {
  const of = questions.find((one) => one.name === fresh.question);
  const row = of.answers.find((one) => one.key === fresh.key);
  Object.assign(row, { state: fresh.state, points: fresh.points, marker: fresh.marker });
  if (fresh.comments) of.comments = fresh.comments;
  seen.set(name(fresh.question, fresh.key), fresh.decision?.number ?? 0);
  if (of === question && current().key === fresh.key) {
    answer = fresh;
    if (unsaved <= 1) draft = drafted(fresh); // else a later change is on its way
    showMarks();
    showState();
  }
  showProgress();
}

async function listen() {
  try {
    if (!unsaved) {
      const news = await ask(`/api/news/${latest}`);
      latest = Math.max(latest, news.latest);
      for (const change of news.changes) {
        const of = questions.find((one) => one.name === change.question);
        const row = of?.answers.find((one) => one.key === change.key);
        if (row) Object.assign(row, { state: change.state, points: change.points, marker: change.marker });
        if (row && change.marker !== marker && row === current() && !unsaved) await open(place);
      }
      for (const [of, comments] of Object.entries(news.comments)) {
        const found = questions.find((one) => one.name === of);
        if (found) found.comments = comments;
      }
      if (news.changes.length) showProgress();
      trouble('');
    }
  } catch (error) {
    trouble(`The page has lost its server: ${error.message}. Is \`cnnlab mark\` still running?`);
  }
  setTimeout(listen, NEWS_EVERY);
}

// What is marked.

function drafted(of) {
  const decision = of.decision;
  return {
    kind: decision?.kind ?? 'open',
    points: decision?.kind === 'marked' ? decision.points : of.computed,
    criteria: question.criteria.map((_, number) => decision?.criteria[number] ?? 0),
    comments: [...(decision?.comments ?? [])], reason: decision?.reason ?? '', second_look: decision?.second_look ?? false,
  };
}

function change(what) {
  if (!answer) return;
  Object.assign(draft, what);
  showMarks();
  save({ ...draft, criteria: [...draft.criteria], comments: [...draft.comments] });
}

const mark = (criteria) => change({ kind: 'marked', criteria });

function toggle(number, share = 1) {
  const most = question.criteria[number]?.points;
  if (most === undefined) return;
  const value = draft.kind === 'marked' && draft.criteria[number] === most * share ? 0 : most * share;
  mark(draft.criteria.map((points, other) => (other === number ? value : points)));
}

function setPoints(value) {
  const points = Number(value);
  if (value === '' || !Number.isFinite(points) || points < 0 || points > question.points) {
    trouble(`Points here lie between 0 and ${short(question.points)}.`);
    return;
  }
  draft.points = points;
  const reason = at('reason').value.trim();
  if (points !== answer.computed && !reason) {
    trouble('Points that differ from the computed ones need a reason: write it, and they are saved.');
    at('reason').focus();
    return;
  }
  trouble('');
  change({ kind: points === answer.computed ? 'accepted' : 'marked', points, reason });
}

function comment(text) {
  if (text.trim() && !draft.comments.includes(text.trim())) change({ comments: [...draft.comments, text.trim()] });
  at('comment').value = '';
  showBank();
}

async function undo() {
  const last = done.pop();
  if (!last) { at('saved').textContent = 'nothing to undo'; return; }
  await saving;
  const of = questions.findIndex((one) => one.name === last.question);
  if (questions[of] !== question) choose(of);
  await open(question.answers.findIndex((one) => one.key === last.key));
  const before = last.before ?? { kind: 'open', points: 0, criteria: question.criteria.map(() => 0), comments: [], reason: '', second_look: false };
  const { kind, points, criteria, comments, reason, second_look } = before;
  draft = { kind, points, criteria: [...criteria], comments: [...comments], reason, second_look };
  if (draft.criteria.length !== question.criteria.length) draft.criteria = question.criteria.map(() => 0);
  showMarks();
  save({ ...draft }, false);
}

// Where we are.

async function open(number) {
  const rows = question.answers;
  if (!rows.length) { answer = null; show(); return; }
  place = Math.max(0, Math.min(rows.length - 1, number));
  const wanted = rows[place], of = question;
  await saving;
  try {
    const fresh = await ask(`/api/answer/${encodeURIComponent(of.name)}/${wanted.key}`);
    if (current() !== wanted || question !== of) return; // gone on in between
    answer = fresh;
    seen.set(name(of.name, fresh.key), fresh.decision?.number ?? 0);
    draft = drafted(answer);
    show();
  } catch (error) { trouble(`This answer does not come: ${error.message}`); }
}

function nextToDo() {
  const rows = question.answers, count = rows.length;
  for (let step = 1; step <= count; step += 1) {
    const number = (place + step) % count;
    if (TO_DO.includes(rows[number].state)) return open(number);
  }
  if (!unsaved && !TO_DO.includes(current()?.state)) at('saved').textContent = 'all answers to this question are marked';
  return undefined;
}

function choose(number) {
  question = questions[Math.max(0, Math.min(questions.length - 1, number))];
  at('question').value = question.name;
  place = Math.max(0, question.answers.findIndex((one) => TO_DO.includes(one.state)));
}

function chooseAndOpen(number) { choose(number); return open(place); }

// What is seen.

function show() {
  at('left').hidden = at('right').hidden = !answer;
  showProgress();
  if (!answer) { at('place').textContent = 'there is no answer yet: grade the class first'; return; }
  at('asked-text').textContent = question.asked;
  at('solution').textContent = question.solution;
  at('solution').className = question.written ? 'prose' : '';
  at('answer').textContent = answer.text || '(nothing)';
  at('answer').className = (question.written ? 'prose' : 'code') + (answer.text.length > 6000 ? ' long' : '');
  at('answer').scrollTop = 0;
  at('exhibits').replaceChildren(...answer.exhibits.flatMap(exhibit));
  showBeside();
  at('cases').hidden = !answer.cases.length;
  at('cases').tBodies[0].replaceChildren(...answer.cases.map(caseRow));
  at('printed').hidden = !answer.printed;
  at('printed-text').textContent = answer.printed;
  at('rubric').hidden = !question.written;
  at('override').hidden = question.written;
  at('comment').value = '';
  at('comment').blur();
  at('bank').hidden = true;
  showState();
  showMarks();
  scrollTo(0, 0);
}

function showBeside() {
  at('beside').classList.toggle('two', !large && answer.exhibits.length > 0);
}

const picture = (number, alt) => element('img', undefined, {
  src: `/api/picture/${encodeURIComponent(question.name)}/${answer.key}/${number}`, alt,
});

function exhibit(one) {
  const figure = element('figure');
  if (one.picture !== null) figure.append(picture(one.picture, one.alt || `picture of the cell ${one.name}`));
  else figure.append(element('p', 'this cell has no picture stored', { class: 'soft' }));
  figure.append(element('figcaption', one.alt ? `${one.name}: ${one.alt}` : one.name));
  const parts = [figure];
  if (one.code) {
    const folded = element('details');
    folded.append(element('summary', `The code of ${one.name}`), element('pre', one.code));
    parts.push(folded);
  }
  return parts;
}

function caseRow(one) {
  const row = element('tr'), shown = element('td');
  if (one.picture !== null) shown.append(picture(one.picture, 'what the function gave back'));
  row.append(element('td', one.name), element('td', one.hint ? `✗ ${one.hint}` : '✓ right'), shown,
    element('td', `${short(one.points)} / ${short(one.out_of)}`));
  return row;
}

function showState() {
  const kind = { 'to be marked': 'todo', 'needs review': 'review' }[answer.state] ?? answer.state;
  at('state').textContent = answer.name ? `${answer.name}: ${answer.state}` : answer.state;
  at('state').className = `pill ${kind}`;
  at('remarks').replaceChildren(...[...answer.review, ...answer.notes].map((text) => element('li', text)));
  at('history').hidden = !answer.history.length;
  at('decisions').replaceChildren(...answer.history.map((one) => {
    const when = new Date(one.time * 1000).toLocaleString();
    const what = { marked: `${short(one.points)} points`, accepted: 'as computed', open: 'nothing on the points' }[one.kind];
    const more = [one.reason, ...one.comments, one.second_look ? 'asks for a second look' : '',
      one.unseen ? `did not know of ${one.unseen}'s` : ''].filter(Boolean);
    return element('li', [`${one.marker}, ${when}: ${what}`, ...more].join('; '));
  }));
}

function showMarks() {
  const decided = draft.kind !== 'open';
  const sum = question.written ? draft.criteria.reduce((all, points) => all + points, 0) : draft.points;
  const open_ = question.written && !decided;
  at('total').textContent = open_ ? `of ${short(question.points)} points` : `${short(sum)} / ${short(question.points)}`;
  at('total').parentElement.classList.toggle('open', open_);
  const rows = at('criteria');
  if (rows.children.length !== question.criteria.length || rows.dataset.question !== question.name) {
    rows.dataset.question = question.name;
    rows.replaceChildren(...question.criteria.map(criterionRow));
  }
  question.criteria.forEach((criterion, number) => {
    const [button, input] = rows.children[number].children, points = draft.criteria[number];
    button.setAttribute('aria-pressed', points === criterion.points && decided ? 'true' : points ? 'mixed' : 'false');
    if (document.activeElement !== input) input.value = decided ? short(points) : '';
  });
  at('points').max = question.points;
  if (document.activeElement !== at('points')) at('points').value = short(draft.points);
  if (document.activeElement !== at('reason')) at('reason').value = draft.reason;
  at('second-look').checked = draft.second_look;
  at('given').replaceChildren(...draft.comments.map((text) => {
    const row = element('li'), remove = element('button', '×', { type: 'button', 'aria-label': `take away: ${text}` });
    remove.addEventListener('click', () => change({ comments: draft.comments.filter((other) => other !== text) }));
    row.append(element('span', text), remove);
    return row;
  }));
}

function criterionRow(criterion, number) {
  const row = element('li'), button = element('button', undefined, { type: 'button' });
  button.append(element('kbd', String(number + 1)), element('span', criterion.text));
  button.addEventListener('click', () => toggle(number));
  const input = element('input', undefined, {
    type: 'number', min: 0, max: criterion.points, step: 0.5, 'aria-label': `points of ${short(criterion.points)} for: ${criterion.text}`,
  });
  input.placeholder = `of ${short(criterion.points)}`;
  input.addEventListener('change', () => {
    const points = Number(input.value);
    if (input.value === '' || !(points >= 0 && points <= criterion.points)) { trouble(`This line is worth 0 to ${short(criterion.points)}.`); return; }
    trouble('');
    mark(draft.criteria.map((other, place_) => (place_ === number ? points : other)));
  });
  row.append(button, input);
  return row;
}

function showProgress() {
  const rows = question?.answers ?? [], todo = rows.filter((one) => TO_DO.includes(one.state)).length;
  at('progress').max = rows.length || 1;
  at('progress').value = rows.length - todo;
  const shown = rows.findIndex((one) => one.key === answer?.key); // not `place`, whose answer may be on its way
  at('place').textContent = shown >= 0 ? `Answer ${shown + 1} of ${rows.length}` : '';
  at('count').textContent = `${rows.length - todo} done, ${todo} to do`;
  for (const option of at('question').options) {
    const of = questions.find((one) => one.name === option.value);
    const left = of.answers.filter((one) => TO_DO.includes(one.state)).length;
    option.textContent = `${of.name} · ${of.title}${left ? ` (${left} to do)` : ''}`;
  }
}

// The bank of comments: a list that is filtered by what is typed.

let chosen = -1;
const matching = () => question.comments.filter((text) => !draft.comments.includes(text)
  && text.toLowerCase().includes(at('comment').value.trim().toLowerCase()));

function showBank() {
  const found = matching(), visible = document.activeElement === at('comment') && found.length > 0;
  chosen = Math.min(chosen, found.length - 1);
  at('bank').hidden = !visible;
  at('comment').setAttribute('aria-expanded', String(visible));
  at('bank').replaceChildren(...found.map((text, number) => {
    const row = element('li', text, { role: 'option', id: `bank-${number}`, 'aria-selected': String(number === chosen) });
    row.addEventListener('mousedown', (event) => { event.preventDefault(); comment(text); });
    return row;
  }));
  if (chosen >= 0) { at('comment').setAttribute('aria-activedescendant', `bank-${chosen}`); at('bank').children[chosen]?.scrollIntoView({ block: 'nearest' }); }
  else at('comment').removeAttribute('aria-activedescendant');
}

function inComment(event) {
  const found = matching();
  if (event.key === 'ArrowDown') chosen = Math.min(chosen + 1, found.length - 1);
  else if (event.key === 'ArrowUp') chosen = Math.max(chosen - 1, -1);
  else if (event.key === 'Enter') {
    event.preventDefault();
    comment(chosen >= 0 ? found[chosen] : at('comment').value);
    chosen = -1;
    at('comment').blur();
    return;
  } else return;
  event.preventDefault();
  showBank();
}

// Keys.

function pressed(event) {
  const field = event.target;
  if (event.key === 'Escape' && field.matches('input, textarea, select')) { field.blur(); return; }
  if (field.matches('input:not([type="checkbox"]), textarea, select') || at('help').open) return;
  if (event.ctrlKey || event.metaKey || event.altKey || !at('single-keys').checked || !question) return;
  if (event.key === 'Enter' && field.matches('button, summary, a, [type="checkbox"]')) return;
  // What a key does is looked up at its turn: the key before it may still be changing question and answer.
  const turn = { key: event.key, digit: /^Digit([1-9])$/.exec(event.code)?.[1] ?? /^[1-9]$/.exec(event.key)?.[0], half: event.shiftKey };
  if (!turn.digit && !ALL_KEYS.includes(turn.key)) return;
  event.preventDefault();
  act(() => meaning(turn)?.());
}

const ALL_KEYS = ['Enter', 'ArrowRight', 'ArrowLeft', ...'jk[]?zdsvcfpar0'];

function act(what) { acting = acting.then(what).catch((error) => trouble(error.message)); }

// What a key means for the question and the answer that stand here now.
function meaning({ key, digit, half }) {
  const number = questions.indexOf(question);
  const always = { '[': () => chooseAndOpen(number - 1), ']': () => chooseAndOpen(number + 1), '?': () => at('help').showModal() };
  if (always[key] || !answer) return always[key];
  if (digit && question.written) return () => toggle(Number(digit) - 1, half ? 0.5 : 1);
  const actions = {
    Enter: nextToDo, ArrowRight: () => open(place + 1), j: () => open(place + 1), ArrowLeft: () => open(place - 1), k: () => open(place - 1), z: undo,
    d: () => { at('asked').open = !at('asked').open; }, s: () => change({ second_look: !draft.second_look }),
    v: () => { large = !large; showBeside(); },
    c: () => { chosen = -1; at('comment').focus(); showBank(); },
  };
  if (question.written) {
    actions.f = () => mark(question.criteria.map((one) => one.points));
    actions['0'] = () => mark(question.criteria.map(() => 0));
    actions.p = () => at('criteria').querySelector('input')?.focus();
  } else {
    Object.assign(actions, {
      a: () => accept(), f: () => setPoints(question.points), 0: () => setPoints(0),
      p: () => { at('points').focus(); at('points').select(); }, r: () => at('reason').focus(),
    });
  }
  return actions[key];
}

const accept = () => change({ kind: 'accepted', points: answer.computed, reason: '' });

function begin() {
  at('keys').replaceChildren(...KEYS.flatMap(([keys, what]) => {
    const term = element('dt');
    term.append(...keys.split(' ').map((key) => (/^(…|…)$/.test(key) ? ' … ' : element('kbd', key))));
    return [term, element('dd', what)];
  }));
  document.addEventListener('keydown', pressed);
  at('question').addEventListener('change', () => { const to = at('question').selectedIndex; act(() => chooseAndOpen(to)); at('question').blur(); });
  at('help-button').addEventListener('click', () => at('help').showModal());
  at('previous').addEventListener('click', () => act(() => open(place - 1)));
  at('next').addEventListener('click', () => act(() => open(place + 1)));
  at('todo').addEventListener('click', () => act(nextToDo));
  at('undo').addEventListener('click', () => act(undo));
  at('accept').addEventListener('click', () => act(accept));
  at('second-look').addEventListener('change', () => change({ second_look: at('second-look').checked }));
  at('points').addEventListener('change', () => setPoints(at('points').value));
  at('reason').addEventListener('change', () => setPoints(at('points').value));
  at('reason').addEventListener('keydown', (event) => { if (event.key === 'Enter' && !event.shiftKey) { event.preventDefault(); at('reason').blur(); } });
  at('comment').addEventListener('input', () => { chosen = -1; showBank(); });
  at('comment').addEventListener('focus', showBank);
  at('comment').addEventListener('blur', () => { showBank(); });
  at('comment').addEventListener('keydown', inComment);
  addEventListener('beforeunload', (event) => { if (unsaved) event.preventDefault(); });
}

async function start() {
  begin();
  try {
    const overview = await ask('/api/overview');
    ({ questions, latest, marker } = overview);
    document.title = `Marking · ${overview.title}`;
    at('title').textContent = overview.title;
    at('who').textContent = `${marker}${overview.anonymous ? ', names hidden' : ''}`;
    at('question').replaceChildren(...questions.map((one) => element('option', one.name, { value: one.name })));
    const first = questions.findIndex((one) => one.answers.some((row) => TO_DO.includes(row.state)));
    await chooseAndOpen(Math.max(0, first));
    listen();
  } catch (error) { trouble(`The page cannot begin: ${error.message}`); }
}

start();
