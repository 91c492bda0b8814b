"""The kinds of problem that reviewers name, and the words in which they do.

Written from what reviews of code commonly say. A kind that is missing costs a merge of two tellings that
share no word, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

# Each entry: a kind of problem, and the ways to tell it. A way is the beginnings of the words that one
# sentence has to hold, in any order; a part of up to three letters, or after `=`, is a whole word.
_KINDS = """
sql-injection: sql inject; input quer; concat quer; concat sql; concat statement; interpol quer;
    interpol sql; unsanit quer; unsanit sql; value sql text; string quer construct; format quer inject; user
    quer sql; string sql
shell-injection: command inject; shell inject; shell command; os system; shell true; subprocess unsanit;
    command arbitrar; command concat; command interpol; shell unescap
code-execution: =eval; exec arbitrar; code inject; arbitrar code; remote code exec; dynamic exec
xss: xss; cross site script; html unescap; html escap; html unsanit; inner html; raw html; script inject
template-injection: template inject; ssti; template outsid; template user
ldap-injection: ldap filter; ldap inject; xpath inject; xpath express
path-traversal: path travers; directory travers; file name outsid; arbitrar file; path escap; path
    unsanit; filename unvalidat; file name unvalidat; zip slip; file read user
ssrf: ssrf; server side request forg; url request server; url fetch server; url user fetch; internal
    host fetch
open-redirect: open redirect; redirect unvalidat; redirect request; redirect user
deserialisation: deserial; pickle; yaml load; unpickl; unmarshal untrust; loader object code
xxe: xxe; xml extern entit; xml entit
missing-auth: missing auth; without auth; unauth; no auth; idor; ownership; lacks auth; permission
    check; access check; access control; insecure direct object; route check; privilege; authoris check;
    authoriz check; belongs user; object level; ownership check; owner check; other users; somebody else;
    horizontal; other customer; another user; belongs caller; not authoris; not authoriz
csrf: csrf; cross site request; forged request
rate-limit: rate limit; brute forc; throttl; lockout; flood; guess password
token-unverified: signature verif; token verif; token without verif; jwt unverif; signature check; forge
    token; algorithm none
token-expiry: token expir; exp claim; token no exp; never expir
timing: constant time; timing attack; timing leak; timing compar; timing safe; digest compar
weak-hash: md5; sha1; weak hash; password hash; fast hash; unsalt; weak digest
weak-crypto: weak crypt; weak ciph; ecb; constant iv; nonce constant; nonce reus; static iv; salt
    constant; broken ciph
insecure-random: predictab; insecur random; random secur; random crypto; weak random; random module;
    guessab token; pseudo random
tls: tls verif; ssl verif; certificate verif; certificate check; certificate valid; verif false; man
    middle
plaintext: unencrypt; not encrypt; no encrypt; plain http; in clear; without tls; cleartext; plaintext;
    plain text password
hardcoded-secret: hardcod; hard cod; credential code; credential source; credential written; secret
    code; key code written; password code; password source; committed secret; committed key; key source;
    literal password; embedded credential; secret repositor
secret-logged: log token; log password; log secret; log credential; secret log; sensitive log; leak log;
    written log; data log; logs password; logs token; logged plain; logged clear; password logged; token
    logged; secret logged; pii log; personal log
debug: debug mode; debug enabled; debug true; debugger
cors: cors; any origin; every origin; origin wildcard; allow origin
cookie: cookie secur; cookie httponly; cookie flag; insecur cookie; samesite
bind-all: bind all interface; all interface; listens all
permissions: world writ; world read; chmod; file permission; loose permission
redos: redos; catastroph backtrack; regex exponential; pattern exponential; regex denial
mass-assignment: mass assign; client chooses field; over post; arbitrar attribut
no-validation: no validat; missing validat; unvalidat input; input not validat; lacks validat; without
    validat
buffer-overflow: buffer overfl; out bound; overrun; heap overfl; stack overfl; past end
overflow: integer overfl; overfl multipl; arithmetic overfl; wrap size; overfl malloc; integer wrap;
    overfl siz
use-after-free: use after free; dangl; double free
unchecked-allocation: malloc check; malloc null; allocation check; malloc result
timeout: timeout; time out; hang; wait ever; block forev; block indefinit; wait indefinit; stall worker
unhandled-error: error handl; unhandl; uncaught; not caught; exception handl; not handl; nobody catch;
    propagat error
swallowed-error: swallow; bare except; except pass; error hidden; hide fail; hide error; silent ignor;
    silent fail; suppress; error trace caught; conceal; catch all; empty catch; exception ignor; error
    ignor; error discard; broad except; blind except; exception drop
exit-code: exit code; return code; returncode; exit status; check true
status-unchecked: status check; http status; status code; raise for status; status ignor; error respons
    pars
none: none deref; attribute error; type error none; may none; null deref; null pointer; none check; nil
    deref; missing none; none attribut; returns none; undefined access; null check; optional unwrap; can
    none; possibly none; be null
off-by-one: off by one; last element; last item; fencepost; skip last; skip first; one too; range ends;
    bound loop
index: index error; index out range; index out bound; out range; empty list; no rows; empty result;
    index unchecked; index past
division: division zero; divide zero; zerodivision; empty divid; empty mean
truncation: integer division; fraction lost; floor division; truncat divis; loses fraction
race: race; unsynchron; without lock; no lock; not atomic; thread safe; toctou; check time use;
    concurren update; data race
deadlock: deadlock; lock order; lock never releas
leak: handle leak; resource leak; never clos; not clos; context manager; not releas; never releas; file
    leak; descriptor leak; connection leak; left open; unclos
unbounded: without bound; unbound; evict; grows forev; memory leak; never clear; grow limit
mutable-default: mutable default; mutable argument default; default argument share; default list share;
    mutable data default
encoding: encod; unicode decod; utf
timezone: timezone; naive dat; tzinfo; utc; local time
locale: locale
comparison: wrong compar; identity compar; compare literal; is instead; compar operator; equal operator;
    inverted condition; wrong condition; assignment condition; literal ident
missing-await: missing await; never await; not await; forgot await; await omit
closure: late bind; loop variable closure; closure loop; loop variable captur
float: float compar; float equal; precision lost; rounding error
mutation: mutat iterat; modif iterat; change size iterat; modified while
recursion: infinite recurs; unbound recurs; recursion limit; recursion depth
infinite-loop: infinite loop; endless loop; never terminat; loop never ends
n-plus-one: request loop; request per; request each; call per item; n+1; quer loop; quer iterat; quer
    each; quer every; quer per; lazy load; request every element; database loop; prefetch; statement each
blocking: block call; block async; event loop; block corout; synchronous async; sleep async; blocking io
quadratic: quadratic; nested loop; linear search loop; list membership; search list loop; o n²; o n 2;
    membership loop; string concat loop; concat loop; string built loop
whole-file: whole file; entire file; entire log; whole log; into memory; all rows; whole table; load
    everything; loads all; memory once; read all
repeated-work: recomput; repeated comput; invariant loop; every call again; computed again; cache
    missing; hoist; not cached
pagination: paginat; without limit; no limit quer; unlimited result
unused: unused; never used; not used; no use; dead code; never call; nothing call; nobody call; never
    refer; unreferenc; nothing uses
unreachable: unreach; never execut; never run; never reach; after return; can never; always false;
    always true; redundant check; redundant condition; tautolog; always hold; cannot false; condition
    constant
duplicated: duplicat code; copy past; same code; duplicat logic; repeated code; duplicat implement
too-long: too long; too complex; god object; god class; too many; complexity; nesting; monolith; nested
    condit; nested if; deeply nest; hard follow; monster; cognitive
magic-number: magic number; magic constant; unnamed constant
circular-import: circular; cyclic; depend each other; import cycle
untested: no test; untest; without test; lacks test; test cover; not test; missing test
unpinned: pinned; unpin; version range; no lockfile; lock file missing; reproducib build
undocumented: undocumented; no document; lacks document; readme; docstring; comment missing
logging-missing: no log; missing log; lacks log; not log
configuration: environment at import; config scatter; config central; configuration scatter; config
    everywhere; no central config
outdated: outdat; deprecat; end of life; vulnerable depend; known vulnerab
shadowing: shadow
format: format string; format mismatch; placeholder mismatch; format argument
wrong-argument: wrong argument; argument order; swapped argument; missing argument; arguments swap
type: wrong type; type mismatch; type error; typeerror; string instead; type confus
syntax: syntax error; not parse; invalid syntax
insecure-temp: mktemp; tempnam; temp file insecur; temporary file insecur; temporary file predictab;
    symlink attack
temp-left: temporary file never delet; temp file never delet; temporary file remain; temp file left; not
    cleaned
exhausted: exhaust generator; exhaust iterat; iterator twice; generator twice; consumed twice; consumed
    already
nosql-injection: no sql inject; nosql inject; mongo quer; operator inject
table-scan: full scan; table scan; without index; missing index; no index; index defeat; index unused;
    cannot use index; scans whole
outdated-docs: readme outdat; documentation outdat; comment outdat; docs outdat; document match; readme
    mention; docstring wrong; docstring contradict; comment contradict; misleading comment; stale comment;
    stale document
eager: eager; up front; lazily; at startup load; slow start; startup slow
goroutine: goroutine leak; goroutine block; task leak; thread leak; orphan task; channel block; never
    join
parse-error: json decode; malformed; parse error; invalid json; invalid input crash; value error;
    parseerror; decode error
missing-return: missing return; no return statement; falls through; return omit; implicit none; without
    return; path returns nothing
sorting: sort insert; sort loop; re sort; sort each; sort repeated; sort every; sorted again
backoff: backoff; busy loop; busy wait; retry without delay; hammer; spin; polling without
copy-paste: copy paste; copied; used twice; pasted; copied line
size-limit: size limit; unlimited size; body size; large upload; exhaust memory; upload limit; too
    large; decompression bomb; zip bomb
session-fixation: session fixation; session rotat; session renew; session regenerat; fixation
session-expiry: session expir; session never; session timeout; session lifetime
weak-password: weak password; default password; short password; password policy; password strength;
    password length; empty password
signal: signal handler; signal safe; reentran
money: money float; currency float; price float; amount float; money round; cents
negative: negative value; negative amount; negative number; sign check; negative quantit; negative
    accept
naming: mislead name; unclear name; bad name; confusing name; naming; abbreviat
layering: separat layer; layer violat; business logic view; logic controller; tight coupl; tightly
    coupl; views database; coupling
global-state: global state; global variable; mutable global; singleton
error-detail: stack trace; error detail; debug page; exception message user; traceback user; internal
    detail; verbose error; leaks detail
host-key: host key; unknown host; autoaddpolicy; auto add policy
clickjacking: clickjack; frame options; security header; content security policy; hsts
log-injection: log inject; log forg; newline log
prototype-pollution: prototype pollut
header-injection: header inject; crlf inject; response split
user-enumeration: enumerat user; user enumerat; account enumerat; existence reveal; username exist
uninitialised: uninitiali; before assign; unbound variable; unboundlocal; used before; not initiali
key-error: key error; missing key; key absent; key not present; key exist; no such key
transaction: transaction; rollback; atomic transaction; partial write; partially written; commit
    missing; never commit
cache-stale: stale cache; cache invalid; cache key; outdated cache; never invalidat
copying: deep copy; needless copy; copies each; unnecessary copy; copied every; clone loop; clones each
connection-reuse: new connection; connection each; connection per; connection pool; session reuse;
    reconnect; opens connection every
regex-compile: compil regex; compil pattern; compil loop; compil each; compil every
sequential: sequential; one after another; concurrently; parallelis; parallel request
thread-blocking: main thread; ui thread; window freez
"""


def kinds_of(sentence: Iterable[str]) -> frozenset[str]:
    """The kinds of problem that a sentence speaks of, given as its words in lower case."""
    parts = frozenset[str]().union(*filter(None, map(_parts, sentence)))
    return frozenset(kind for part in parts & _WAYS.keys() for kind, others in _WAYS[part] if others <= parts)


@lru_cache(20_000)
def _parts(word: str) -> frozenset[str]:
    """The parts of ways that the word satisfies."""
    return frozenset(part for part in _PARTS if _begins(word, part))


def _begins(word: str, part: str) -> bool:
    if part[0] == "=" or len(part) < 4:
        return word == part.lstrip("=")
    return word.startswith(part)


def _read_ways() -> dict[str, list[tuple[str, frozenset[str]]]]:
    """Of the longest part of each way, which the fewest sentences hold: its kind, and its other parts."""
    ways: dict[str, list[tuple[str, frozenset[str]]]] = {}
    for line in _KINDS.replace("\n    ", " ").strip().split("\n"):
        kind, _, told = line.partition(": ")
        for way in told.split(";"):
            longest, *others = sorted(way.split(), key=len, reverse=True)
            ways.setdefault(longest, []).append((kind, frozenset(others)))
    return ways


_WAYS = _read_ways()
_PARTS = frozenset(_WAYS).union(*(others for ways in _WAYS.values() for _, others in ways))
