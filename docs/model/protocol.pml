/*
 * How one user's badge follows the database: two workers that publish and listen, a broker
 * between them, one client, and a loss at every point. README.md says what is left out.
 * Licence: that of the repository.
 *
 * A value is the stamp at which it was committed, so a name is right when the stamp shown is the
 * stamp of its row. A step is atomic where the code runs under a lock or in one go, and split
 * where something may come in between: a head is read before it is told, an answer is computed
 * before it arrives.
 *
 * Each of -DANY_PUSH -DOLDEST_PREVIOUS -DNO_SWEEP -DANSWER_OVER_PUSH takes one decision the naive
 * way, and must be found out.
 */

#ifndef COMMITS
#define COMMITS 3               /* how often the database changes */
#endif
#ifndef SOCKET
#define SOCKET 1                /* packets on their way to the client, at most */
#endif

/*
 * -DSTAYS: the connection is never cut and no worker dies. -DPATIENT: no request fails, and the
 * client polls only when the rule wants it to. Fewer faults leave room for more commits.
 */

#define HEAD 2                  /* what a packet carries, if it is no push of name 0 or 1 */
#define NOWHERE 2               /* the worker of a client that has no socket */
#define NONE 255
#define QUICK 1
#define FULL 2

#define BIT(previous, stamp) (1 << ((previous) * (COMMITS + 1) + (stamp)))
#define MAX(a, b) ((a) > (b) -> (a) : (b))

bool calm;                      /* the faults have ended, and nobody writes any more */

/* The database: one row a name, and the clock, which is the newest of them. */
byte row[2], head;

/* What a worker's publisher holds: one event a name, stamp 0 for none. */
typedef Queue { byte stamp[2]; byte previous[2] };
Queue queue[2];

/*
 * A worker: whether a socket here is dead and not yet known to be, and the newest stamp that was
 * told to everybody here. A worker with nobody on it forgets.
 */
bool ghost[2];
byte told[2];

/* The client's socket, and the subscription of the worker it is on. */
byte at = NOWHERE;
chan socket = [SOCKET] of { byte, byte, byte };
bool subscribed;
bool owed;                      /* a new socket has not been told its head yet */
byte announced = NONE;          /* that head, once it is read */

/* The rule. `holes` is a set of (previous, stamp). */
byte cursor, shown[2];
int holes;
bool grace;
byte wanted;

/*
 * The request on its way: the since it asks for, the holes when it left (those that still gape),
 * the names that were shown since (if it is full), and the answer.
 */
byte flight, asked;
int remembered;
bool noted[2], computed;
byte answer[2];                 /* the stamp of each name in it, 0 where it is absent */

hidden byte n, s, p, i, j;      /* of one step only */

/* -- what must hold ---------------------------------------------------------------------------- */

inline check() {
    /* No row at or below the cursor is missing: nobody would ask for it again. */
    assert(row[0] > cursor || shown[0] >= row[0]);
    assert(row[1] > cursor || shown[1] >= row[1]);
    assert(cursor <= head)
}

inline display(name, stamp) {
    assert(stamp >= shown[name]);       /* never an older value after a newer one */
    shown[name] = stamp
}

active proctype Rest() {
    /* Nothing can happen any more. That takes `calm`, since a fault always can. */
    timeout ->
    assert(calm && shown[0] == row[0] && shown[1] == row[1] && cursor == head)
}

/* -- committing and publishing ------------------------------------------------------------------ */

#define HOLDS(q) (queue[q].stamp[0] != 0 || queue[q].stamp[1] != 0)
#define FOLLOWS(q, a, b) (queue[q].stamp[a] != 0 && queue[q].previous[a] == queue[q].stamp[b])

inline enqueue(q, name) {
    p = head - 1;
    if
    :: queue[q].stamp[name] == 0
#ifdef OLDEST_PREVIOUS
    :: else -> p = queue[q].previous[name]
#else
    :: else ->
        if
        :: queue[q].stamp[name] == p -> p = queue[q].previous[name]
        :: else ->                      /* the other name may have followed the one that goes */
            if
            :: FOLLOWS(q, 1 - name, name) -> queue[q].previous[1 - name] = queue[q].previous[name]
            :: else
            fi
        fi
#endif
    fi;
    queue[q].stamp[name] = head;
    queue[q].previous[name] = p
}

inline forget(q, name) {
    queue[q].stamp[name] = 0;
    queue[q].previous[name] = 0
}

inline clear(channel) {
    do
    :: nempty(channel) -> channel?_,_,_
    :: empty(channel) -> break
    od
}

active proctype Database() {
end:
    do
    :: atomic { !calm && head < COMMITS ->
        if
        :: n = 0
        :: head != 0 -> n = 1           /* the first name is called 0 */
        fi;
        head++;
        row[n] = head;
        if
        :: enqueue(0, n)
        :: HOLDS(0) || HOLDS(1) -> enqueue(1, n)    /* two that hold nothing are alike */
        :: true                         /* the writer dies before it has published */
        fi }
    od
}

#define HOLDS(q) (queue[q].stamp[0] != 0 || queue[q].stamp[1] != 0)
/* -- the broker and the workers ----------------------------------------------------------------- */

#define CAN_EMIT (at == NOWHERE || nfull(socket))

/* To everybody on the client's worker. */
inline emit(kind, when, after) {
    socket!kind, when, after;
    told[at] = MAX(told[at], when)
}

/* To dead sockets alone: it counts as told, and reaches nobody. */
inline emit_in_vain(w, when) {
    if
    :: ghost[w] && at != w -> told[w] = MAX(told[w], when)
    :: true                             /* nobody there, or it is not subscribed */
    fi
}

inline carry(q, name) {
    emit_in_vain(0, queue[q].stamp[name]);
    emit_in_vain(1, queue[q].stamp[name]);
    if
    :: at != NOWHERE && subscribed -> emit(name, queue[q].stamp[name], queue[q].previous[name])
    :: at == NOWHERE || !subscribed || !calm    /* nobody hears it, or it is lost */
    fi
}

inline bury(w) {
    ghost[w] = false;
    told[w] = (at == w -> told[w] : 0)
}

active [2] proctype Publisher() {
    byte q = _pid - 2;
end:
    do
    :: atomic { HOLDS(q) && CAN_EMIT ->
        if
        :: queue[q].stamp[0] != 0 -> n = 0
        :: queue[q].stamp[1] != 0 -> n = 1
        fi;
        carry(q, n);
        if
        :: forget(q, n)
        :: !calm                        /* it only seems to have failed, and is published twice */
        fi }
    :: atomic { !calm && HOLDS(q) ->    /* too old, or too many */
        if
        :: queue[q].stamp[0] != 0 -> forget(q, 0)
        :: queue[q].stamp[1] != 0 -> forget(q, 1)
        fi }
    od
}

active proctype Worker() {
end:
    do
    :: atomic { at != NOWHERE && !subscribed -> subscribed = true }
    :: atomic { owed && announced == NONE -> announced = head }
    :: atomic { announced != NONE && nfull(socket) ->
        socket!HEAD, announced, 0;
        if
        :: !ghost[at] -> told[at] = MAX(told[at], announced)
        :: else                         /* not everybody here was told */
        fi;
        owed = false; announced = NONE }
#ifndef NO_SWEEP
    :: atomic { at != NOWHERE && head > told[at] && nfull(socket) -> emit(HEAD, head, 0) }
#endif
#ifndef STAYS
    :: atomic { ghost[0] -> bury(0) }
    :: atomic { ghost[1] -> bury(1) }
#endif
    od
}

/* -- the client rule ---------------------------------------------------------------------------- */

inline want(kind) {
    if
    :: flight == 0 || kind == FULL -> wanted = MAX(wanted, kind)
    :: else
    fi
}

/* In order of `previous` one pass reaches all that can be reached. */
inline advance() {
    for (i : 0 .. COMMITS) {
        for (j : 1 .. COMMITS) {
            if
            :: (holes & BIT(i, j)) && i <= cursor && cursor < j -> cursor = j
            :: else
            fi
        }
    }
    for (i : 0 .. COMMITS) {
        for (j : 1 .. COMMITS) {
            if
            :: j <= cursor -> holes = holes & ~BIT(i, j)
            :: else
            fi
        }
    }
    remembered = remembered & holes
}

inline reveal(name, stamp) {
    if
    :: stamp > shown[name] ->
        display(name, stamp);
#ifndef ANSWER_OVER_PUSH
        noted[name] = (flight == FULL)
#endif
    :: else
    fi
}

inline hear_push(name, stamp, previous) {
    if
    :: stamp > cursor ->
        reveal(name, stamp);
#ifdef ANY_PUSH
        cursor = stamp;
#endif
        holes = holes | BIT(previous, stamp);
        advance();
        grace = grace || (holes != 0)
    :: else
    fi
}

inline hear_head(stamp) {
    if
    :: stamp > cursor -> holes = holes | BIT(stamp, stamp); grace = true
    :: stamp < cursor -> want(FULL)
    :: else
    fi
}

inline end_grace() {
    grace = false;
    if
    :: holes != 0 && flight == 0 ->
        wanted = MAX(wanted, QUICK);
        for (j : 1 .. COMMITS) {
            if :: holes & BIT(j, j) -> wanted = FULL :: else fi
        }
    :: else
    fi
}

inline depart() {
    flight = wanted; wanted = 0;
    asked = (flight == QUICK -> cursor : 0);
    remembered = holes
}

inline compute() {
    answer[0] = (row[0] > asked -> row[0] : 0);
    answer[1] = (row[1] > asked -> row[1] : 0);
    asked = 0;
    computed = true
}

inline land() {
    flight = 0; asked = 0; remembered = 0; computed = false;
    noted[0] = false; noted[1] = false;
    answer[0] = 0; answer[1] = 0
}

/* A full answer is the state: it replaces what no push has shown since it was asked for. */
inline adopt(name) {
    if
    :: flight == FULL && !noted[name] -> display(name, answer[name])
    :: (flight == QUICK || noted[name]) && answer[name] > shown[name] -> display(name, answer[name])
    :: else
    fi
}

inline arrive() {
    holes = holes & ~remembered;
    adopt(0);
    adopt(1);
    cursor = MAX(cursor, answer[0]);
    cursor = MAX(cursor, answer[1]);
    land();
    advance();
    grace = grace || (wanted == 0 && holes != 0)
}

active proctype Client() {
end:
    do
    :: atomic { at == NOWHERE ->                /* connect to either worker */
#ifdef STAYS
        at = 0;
#else
        if
        :: at = 0
        :: ghost[0] || ghost[1] -> at = 1           /* two that know nobody are alike */
        fi;
#endif
        owed = true }
    :: atomic { nempty(socket) ->
        socket?n, s, p;
        if
        :: n == HEAD -> hear_head(s)
        :: else -> hear_push(n, s, p)
        fi;
        check() }
    :: atomic { grace -> end_grace() }
    :: atomic { flight == 0 && wanted != 0 -> depart() }
    :: atomic { flight != 0 && !computed -> compute() }
    :: atomic { computed -> arrive(); check() }
    od
}

/* -- faults ------------------------------------------------------------------------------------- */

inline cut() {
    clear(socket);
    subscribed = false; owed = false;
    announced = NONE;
    at = NOWHERE
}

inline die(w) {
    if :: at == w -> cut() :: else fi;
    ghost[w] = false; told[w] = 0;
    if
    :: forget(0, 0); forget(0, 1)       /* its queue is either */
    :: forget(1, 0); forget(1, 1)
    fi
}

active proctype Faults() {
end:
    do
    :: atomic { !calm && subscribed -> subscribed = false }     /* the broker, or the way to it */
#ifndef PATIENT
    :: atomic { !calm && flight != 0 ->                         /* a request fails, or takes long */
        wanted = MAX(wanted, flight);
        land() }
    :: atomic { !calm && at == NOWHERE -> want(QUICK) }         /* polls at their time */
    :: atomic { !calm -> want(FULL) }
#endif
#ifndef STAYS
    :: atomic { !calm && at != NOWHERE ->                       /* a cut, noticed or not */
        if
        :: ghost[at] = true
        :: told[at] = (ghost[at] -> told[at] : 0)
        fi;
        cut() }
    :: atomic { !calm -> die(0) }                               /* a worker, with its queue */
    :: atomic { !calm -> die(1) }
#endif
    :: atomic { !calm -> calm = true; break }
    od
}
