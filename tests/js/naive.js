/**
 * Rules that look right and are not. Each is the rule with one decision taken the naive way;
 * the model test must find a schedule that breaks each.
 */
import { Rule } from "../../static/notifier/rule.js";

/** A push moves the cursor, whatever came before it. */
export class AdvanceOnAnyPush extends Rule {
  push(event) {
    if (event.timestamp <= this.cursor) return [];
    this.cursor = event.timestamp;
    return this.show(event);
  }
}

/** A push out of order is dropped; nothing remembers that it came. */
export class DropOutOfOrder extends Rule {
  push(event) {
    if (event.timestamp <= this.cursor || event.previous > this.cursor) return [];
    this.cursor = event.timestamp;
    return this.show(event);
  }
}

/** A push out of order is shown and asks for a catch-up, but leaves no hole behind. */
export class PreviousWithoutHoles extends Rule {
  push(event) {
    if (event.timestamp <= this.cursor) return [];
    const effects = this.show(event);
    if (event.previous > this.cursor) return [...effects, ...this.catchUp({ full: false })];
    this.cursor = event.timestamp;
    return effects;
  }
}

/** A head below the cursor is taken as proof of a restored database. */
export class ResetOnLowHead extends Rule {
  head(timestamp) {
    if (timestamp >= this.cursor) return super.head(timestamp);
    this.cursor = timestamp;
    this.shown.clear();
    return this.catchUp({ full: true });
  }
}

/** The answer of an abandoned request is as good as any. */
export class AbandonedAnswersCount extends Rule {
  begin() {
    const asked = super.begin();
    if (asked) (this.sent ??= new Map()).set(asked.id, this.flight);
    return asked;
  }

  answer(id, events) {
    this.flight = this.sent.get(id);
    return super.answer(id, events);
  }
}

/** A full answer replaces everything, also what a push has shown since it was asked for. */
export class FullAnswersReplacePushes extends Rule {
  note() {}
}

/** Only pushes are noted, not the answer to mark-read, though both show a committed event. */
export class ReadsAreNotNoted extends Rule {
  read(answer) {
    const { flight } = this;
    this.flight = null;
    const effects = super.read(answer);
    this.flight = flight;
    return effects;
  }
}

/** An answer settles every hole, also those dug while it was on its way. */
export class AnswersFillAllHoles extends Rule {
  answer(id, events) {
    if (this.flight?.id === id) this.flight.holes = [...this.holes.keys()];
    return super.answer(id, events);
  }
}

/** An answer settles no hole but by rows, so those of a restored database stay for ever. */
export class HolesOutliveAnswers extends Rule {
  answer(id, events) {
    if (this.flight?.id === id) this.flight.holes = [];
    return super.answer(id, events);
  }
}

/** The cursor never goes back, also when the database did. */
export class CursorNeverFalls extends Rule {
  adopt(flight, events) {
    const before = this.cursor;
    const effects = super.adopt(flight, events);
    this.cursor = Math.max(this.cursor, before);
    return effects;
  }
}

/** Only newer values are shown, also from a database that was restored. */
export class OnlyEverForward extends Rule {
  take(event) {
    const shown = this.shown.get(event.name);
    return shown && shown.timestamp > event.timestamp ? [] : super.take(event);
  }
}
