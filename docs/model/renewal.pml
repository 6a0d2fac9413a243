/*
 * How keyturn renews a stored login, for spin: K programs, one store, one authority that rotates refresh
 * tokens and ends a login whose token comes a second time. Explained in README.md beside this file.
 *
 * Tokens are numbers in the order they were made. The access token that came with refresh token t has
 * expired when t <= expired. Programs die anywhere, answers get lost, the disk fills up, a person logs in;
 * how often is bounded below. A #define takes one mechanism out; then spin must find the fault.
 */
#ifndef K
#define K 3 /* programs */
#endif
#define CALLS 2  /* of each program */
#define DUE 2    /* how often the access token expires, the first time included */
#ifndef CRASHES
#define CRASHES 2
#endif
#ifndef LOSSES
#define LOSSES 1
#endif
#ifndef FULL
#define FULL 2   /* saves that a full disk refuses */
#endif
#ifndef LOGINS
#define LOGINS 1
#endif
#define SENDINGS 2 /* of one refresh token, when the answer to the first was lost */
#define TOKENS 16
#define NOBODY 255
#define REFUSED 254
#define LOST 253

/* the store: the record's refresh token, the one known dead, the journal's two areas, the lock */
byte stored = 1, dead = 0;
byte intent_of = 0, intent_attempt = 0;
byte waiting = 0, waiting_over = 0;
byte lock = NOBODY;

/* the authority, for each of two grants */
byte current[2], previous[2], family[TOKENS];
bool revoked[2];
byte made = 1;

/* what happened */
byte expired = 1, due = 1, sends = 0, done = 0;
bool made_login = false;
byte crashes = 0, losses = 0, fulls = 0;
bool known[TOKENS]; /* replaced, by an answer that was read and whose caller was served */

/* SPLIT_LOCK: a network file system that grants it to everybody; I3 must hold all the same, by the comparison */
#if defined(NO_LOCK) || defined(SPLIT_LOCK)
#define TAKE true
#else
#define TAKE atomic { lock == NOBODY -> lock = me }
#endif
#define GIVE_BACK if :: lock == me -> lock = NOBODY :: else fi

#ifdef LOCK_OUTLIVES /* as lock files that exist or do not */
#define DIE crashes++; goto call
#else
#define DIE crashes++; GIVE_BACK; goto call
#endif
#define MAY_DIE if :: true :: atomic { crashes < CRASHES -> DIE } fi

/* compare-and-swap of the record (L2); I3: nothing is replaced but what the new one was made from */
#ifdef NO_CAS
#define UNCHANGED true
#else
#define UNCHANGED (stored == over)
#endif

#ifdef GRACE
#define IN_GRACE (mine == previous[grant])
#else
#define IN_GRACE false
#endif

inline authority_answers() {
  byte grant = family[mine];
  sends++;
#ifndef SPLIT_LOCK
  assert(!known[mine]);                                            /* I2 */
  assert(sends <= due || crashes + losses + fulls > 0 || made_login); /* I1 */
#endif
  if
  :: revoked[grant] || (mine != current[grant] && !IN_GRACE) ->
     revoked[grant] = true; /* reuse: whoever holds a copy is to lose it */
     answer = REFUSED
  :: else ->
     made++;
     family[made] = grant;
     previous[grant] = current[grant];
     current[grant] = made;
     answer = made
  fi
}

proctype Program(byte me) {
  byte calls = 0, mine, over, answer, attempt;
call: /* also where another program begins after this one has died */
  if
  :: calls == CALLS -> goto finished
  :: else -> calls++
  fi;
  atomic { /* a look without the lock */
    mine = stored; over = stored; answer = 0; attempt = 0;
    if :: stored > expired || stored == dead -> goto call :: else fi
  }
  if
  :: TAKE
  :: stored > expired -> goto call /* adopted while waiting (L12) */
  fi;
  MAY_DIE;
#ifndef NO_REREAD
  atomic {
    mine = stored; over = stored;
    if :: stored > expired || stored == dead -> goto release :: else fi
  }
#endif
  /* a login that waits in the journal for a disk with room (L15) */
  if
  :: waiting != 0 && waiting_over == over ->
     if
     :: stored = waiting; mine = waiting; over = waiting; MAY_DIE; waiting = 0
     :: atomic { fulls < FULL -> fulls++; mine = waiting;
#ifdef OWN_IDENTITY
          over = waiting
#endif
        }
     fi;
     if :: mine > expired -> goto release :: else fi
  :: else
  fi;
  MAY_DIE;
#ifdef NO_INTENT
  attempt = 1;
#else
  atomic {
    attempt = (intent_of == mine -> intent_attempt + 1 : 1);
    if :: attempt > SENDINGS -> goto release /* "the answer was lost, and so was the second" */ :: else fi;
    intent_of = mine; intent_attempt = attempt
  }
#endif
  MAY_DIE;
  if
  :: d_step { authority_answers() }
  :: d_step { losses < LOSSES -> losses++; authority_answers(); answer = LOST }
  :: d_step { losses < LOSSES -> losses++; answer = LOST }
  fi;
  if
  :: answer == LOST -> goto release /* the intent stays */
  :: else
  fi;
  MAY_DIE;
  if
  :: answer == REFUSED ->
#ifndef SPLIT_LOCK
#ifdef GRACE
     assert(false);       /* a period of grace heals every lost answer */
#else
     assert(attempt > 1); /* I4, I5: nothing ends a login but a lost answer, and it says so */
#endif
#endif
     if :: UNCHANGED -> stored = mine; dead = mine :: else fi;
     goto clear
  :: else
  fi;
  if
  :: atomic { UNCHANGED ->
       assert(stored == over); /* I3 */
       stored = answer; known[mine] = true
     }
  :: atomic { UNCHANGED && fulls < FULL -> fulls++; known[mine] = true;
#ifndef NO_RESCUE
       waiting = answer; waiting_over = over;
#endif
       goto release
     }
  :: atomic { !UNCHANGED -> known[mine] = true; goto release } /* overtaken: what is stored rules */
  fi;
  MAY_DIE;
clear:
  atomic { intent_of = 0; intent_attempt = 0; waiting = 0 };
  MAY_DIE;
release:
  GIVE_BACK;
  goto call;
finished:
  done++
}

/* A person logs in again, for the store step under the lock (L8). */
proctype Person(byte me) {
  TAKE;
  d_step {
    made_login = true;
    made++; family[made] = 1; current[1] = made;
    stored = made; intent_of = 0; intent_attempt = 0; waiting = 0
  };
  GIVE_BACK
}

proctype Time() {
  do
  :: d_step { due < DUE -> due++; expired = made }
  :: break
  od
}

init {
  atomic {
    byte number = 0;
    current[0] = 1;
    do :: number < K -> run Program(number); number++ :: else -> break od;
    if :: LOGINS > 0 -> run Person(K) :: else fi;
    run Time()
  }
}

/* I5: whoever died, everybody else gets an answer; nobody waits for the dead. */
ltl proceeds { <> (done == K) }
