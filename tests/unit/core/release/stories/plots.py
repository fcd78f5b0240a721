"""The plots: what befalls a release, told in a few ticks each. The log of each lies beside, by its name."""

from dataclasses import replace

from landlord.api.conditions import Reason
from landlord.api.failures import HelmTrouble
from landlord.core.health.checks import CheckState
from landlord.core.release.facts import Check, Closed, Unprepared
from landlord.core.release.ledger import Ledger, encode
from tests.unit.core.release.cast import (
    CRASHES,
    NO_NODE,
    QUOTA,
    READY,
    REGISTRY,
    WORKING,
    App,
    bad_image,
    seconds,
)
from tests.unit.core.release.theatre import Theatre

A, B, C = App("A"), App("B"), App("C")
BAD = bad_image("bad")
FAILS = Check("home", CheckState.FAILING, "It answered 500 three times in a row.")
PASSES = Check("home", CheckState.PASSING)


def proven_a() -> Theatre:
    """A is proven and rests; what came before is not told."""
    stage = Theatre()
    stage.push(A, seconds(300))
    stage.lines, stage.told = [], ()
    stage.runs.clear()
    stage.say("A is proven as revision 1.")
    return stage


def first_install() -> Theatre:
    stage = Theatre()
    stage.push(A, seconds(900))
    return stage


def upgrade() -> Theatre:
    stage = proven_a()
    stage.push(B, seconds(300))
    return stage


def bad_image_rolled_back_and_held() -> Theatre:
    stage = proven_a()
    stage.push(BAD, seconds(900))
    return stage


def fix_after_hold() -> Theatre:
    stage = proven_a()
    stage.push(BAD, seconds(300))
    stage.push(B, seconds(300))
    return stage


def revert_to_what_runs() -> Theatre:
    stage = proven_a()
    stage.push(BAD, seconds(300))
    stage.push(A, seconds(300))
    return stage


def same_bad_push_again() -> Theatre:
    stage = proven_a()
    for app in (BAD, A, BAD):
        stage.push(app, seconds(120))
    return stage


def failed_first_install() -> Theatre:
    stage = Theatre()
    stage.push(replace(BAD, name="A"), seconds(600))
    stage.push(B, seconds(300))
    return stage


def held_in_place_gets_well() -> Theatre:
    stage = Theatre()
    stage.push(App("slow", ready_after=400), seconds(1200))
    return stage


def crash_in_bake() -> Theatre:
    stage = proven_a()
    stage.push(App("leaky", health=((4, READY), (30, CRASHES))), seconds(300))
    return stage


def failing_check_in_bake() -> Theatre:
    stage = proven_a()
    stage.push(App("wrong", checks=((4, PASSES), (40, FAILS))), seconds(300))
    return stage


def failed_helm_test() -> Theatre:
    stage = proven_a()
    stage.wish = replace(stage.wish, tests=True)
    stage.push(App("untested", test=HelmTrouble.TEST_FAILED), seconds(300))
    return stage


def failed_hook_with_a_retry() -> Theatre:
    stage = proven_a()
    stage.wish = replace(stage.wish, retries=1)
    stage.push(App("hooked", helm=HelmTrouble.HOOK_FAILED), seconds(300))
    return stage


def values_only_change_rolled_back() -> Theatre:
    stage = proven_a()
    stage.push(App("A", values="too-little-memory", health=((1, CRASHES),)), seconds(300))
    return stage


def quota_full() -> Theatre:
    stage = proven_a()
    stage.pods = QUOTA
    stage.push(B, seconds(700))
    stage.pods = None
    stage.turn("The quota is raised.", seconds(300))
    return stage


def no_node_takes_the_pods() -> Theatre:
    stage = proven_a()
    stage.pods = NO_NODE
    stage.push(B, seconds(700))
    stage.pods = None
    stage.turn("A node comes.", seconds(300))
    return stage


def webhook_down() -> Theatre:
    stage = proven_a()
    stage.trouble, stage.trouble_stores = HelmTrouble.WEBHOOK, True
    stage.push(B, seconds(100))
    stage.trouble = None
    stage.turn("The webhook answers again.", seconds(300))
    return stage


def hook_without_its_image() -> Theatre:
    """The registry does not answer while a hook's pod is to start: Helm says only that the hook did not end."""
    stage = proven_a()
    stage.trouble, stage.trouble_stores = HelmTrouble.HOOK_TIMEOUT, True
    stage.excuse = Reason.REGISTRY_UNAVAILABLE.value
    stage.push(B, seconds(100))
    stage.trouble, stage.excuse = None, ""
    stage.turn("The registry answers again.", seconds(300))
    return stage


def helm_test_without_its_image() -> Theatre:
    stage = proven_a()
    stage.wish = replace(stage.wish, tests=True)
    stage.push(B, seconds(3))
    stage.trouble, stage.excuse = HelmTrouble.TEST_FAILED, Reason.REGISTRY_UNAVAILABLE.value
    stage.turn("The registry goes away: the test's pod cannot start.", seconds(60))
    stage.trouble, stage.excuse = None, ""
    stage.turn("The registry answers again.", seconds(300))
    return stage


def registry_down() -> Theatre:
    stage = proven_a()
    stage.unprepared = Unprepared(Reason.CHART_FETCH_FAILED, "The chart's registry does not answer.", is_final=False)
    stage.push(B, seconds(30))
    stage.unprepared, stage.pods = None, REGISTRY
    stage.turn("The chart comes, but not the image.", seconds(700))
    stage.pods = None
    stage.turn("The registry answers again.", seconds(300))
    return stage


def rollback_blocked_by_a_missing_image() -> Theatre:
    stage = proven_a()
    stage.commit(BAD)
    gone = replace(A, health=((0, replace(BAD.fares(9), why="Deployment web: image web:A does not exist.")),))
    stage.helm.get(1).app = gone
    stage.turn("Somebody deletes the image of A from the registry.", seconds(60))
    stage.helm.last.app = A
    stage.turn("The image is pushed again.", seconds(300))
    return stage


def rollback_blocked_by_quota() -> Theatre:
    stage = proven_a()
    stage.commit(BAD)
    stage.helm.get(1).app = replace(A, health=((0, QUOTA),))
    stage.turn("The quota is lowered: A would not fit any more.", seconds(60))
    stage.helm.last.app = A
    stage.turn("The quota is raised.", seconds(300))
    return stage


def stuck_stateful_set_freed() -> Theatre:
    """The pod is deleted elsewhere; the machine waits, and takes the release for proven when it is ready."""
    stage = proven_a()
    stage.commit(BAD)
    stage.helm.get(1).app = replace(A, ready_after=100_000)
    stage.play(seconds(120))
    stage.helm.last.app = A
    stage.turn("The stuck pod of the rejected revision is deleted; the next one becomes ready.", seconds(300))
    return stage


def ten_bad_pushes() -> Theatre:
    """Never ready long enough to be proven anew, so revision 1 is the only proven one throughout."""
    stage = proven_a()
    stage.wish = replace(stage.wish, max_history=10)
    for number in range(10):
        stage.push(bad_image(f"bad-{number}"), seconds(20))
    stage.play(seconds(600))
    assert any(each.uid in stage.proven for each in stage.helm.revisions)
    assert len(stage.helm.revisions) <= 12
    return stage


def autoscaler() -> Theatre:
    """Replicas come and go at rest: told, and no more."""
    stage = proven_a()
    stage.pods = replace(WORKING, why="Deployment web scales to 5 pods.")
    stage.play(seconds(601))
    stage.pods = None
    stage.play(seconds(601))
    return stage


def job_with_recreate() -> Theatre:
    """An immutable Job fails the upgrade; upgrade.recreate is in no digest, so the retry annotation asks again."""
    stage = proven_a()
    stage.push(App("job", helm=HelmTrouble.IMMUTABLE, stores=True), seconds(120))
    stage.push(
        App("job", spec="retry-at 09:07"), seconds(120), "Git sets upgrade.recreate: [Job]; somebody sets retry-at."
    )
    return stage


def rollback_fails() -> Theatre:
    stage = proven_a()
    stage.rollback = HelmTrouble.HOOK_FAILED
    stage.push(BAD, seconds(600))
    stage.push(C, seconds(300))
    return stage


def rollback_meets_an_outage() -> Theatre:
    stage = proven_a()
    stage.push(BAD, seconds(1))
    stage.trouble = HelmTrouble.OUTAGE
    stage.turn("The API server goes away.", seconds(200))
    stage.trouble = None
    stage.turn("It is back.", seconds(300))
    return stage


def two_quick_pushes() -> Theatre:
    stage = proven_a()
    stage.push(B, seconds(3))
    stage.push(C, seconds(120))
    return stage


def killed(stage: Theatre, *kills: str) -> Theatre:
    """The operator dies at each of these in turn, each time after a little while."""
    stage.stays_down = True
    for kill in kills:
        stage.kill = kill
        stage.play(seconds(20))
        stage.restart()
    return stage


def killed_while_deploying() -> Theatre:
    stage = proven_a()
    stage.commit(B)
    killed(stage, "unwritten", "unwritten", "written", "pending", "unwritten", "term")
    stage.play(seconds(200))
    return stage


def killed_after_helm_ended() -> Theatre:
    stage = proven_a()
    stage.commit(B)
    killed(stage, "ended")
    stage.play(seconds(200))
    return stage


def killed_while_verifying_testing_and_baking() -> Theatre:
    stage = proven_a()
    stage.wish = replace(stage.wish, tests=True)
    stage.push(B, seconds(2))
    killed(stage, "unwritten", "written", "ended", "unwritten", "unwritten")
    stage.play(seconds(200))
    return stage


def killed_while_rolling_back() -> Theatre:
    stage = proven_a()
    stage.push(BAD, seconds(2))
    killed(stage, "unwritten", "unwritten", "written", "pending", "ended", "unwritten")
    stage.play(seconds(200))
    return stage


def helm_outlives_the_operator() -> Theatre:
    stage = proven_a()
    stage.kill = "outlived"
    stage.push(B, seconds(20))
    stage.end_ghost()
    stage.turn("The Helm of the last operator comes to its end.", seconds(120))
    return stage


def upgraded_by_hand() -> Theatre:
    stage = proven_a()
    stage.by_hand(C)
    stage.play(seconds(200))
    return stage


def wanted_state_deployed_by_hand() -> Theatre:
    stage = proven_a()
    stage.by_hand(B)
    stage.push(B, seconds(200))
    return stage


def rolled_back_by_hand() -> Theatre:
    stage = proven_a()
    stage.push(B, seconds(20))
    stage.rolled_back_by_hand(1)
    stage.play(seconds(200))
    return stage


def uninstalled_by_hand() -> Theatre:
    stage = proven_a()
    stage.uninstalled_by_hand()
    stage.play(seconds(200))
    return stage


def somebody_elses_lock() -> Theatre:
    stage = proven_a()
    stage.by_hand(C, "pending-upgrade")
    stage.push(B, seconds(60))
    stage.settled_by_hand()
    stage.turn("The other Helm gives up.", seconds(200))
    return stage


def adopted() -> Theatre:
    stage = Theatre()
    stage.by_hand(A)
    stage.push(A, seconds(200))
    return stage


def namespace_deleted() -> Theatre:
    stage = proven_a()
    stage.push(B, seconds(2))
    stage.is_namespace_leaving = True
    stage.turn("The namespace is deleted.", seconds(60))
    stage.is_deleting = True
    stage.play(seconds(60))
    return stage


def deleted_while_helm_fails() -> Theatre:
    stage = proven_a()
    stage.is_deleting, stage.trouble = True, HelmTrouble.FORBIDDEN
    stage.turn("The AppRelease is deleted; Helm may not delete something.", seconds(60))
    stage.trouble = None
    stage.turn("It may now.", seconds(60))
    return stage


def suspended_while_baking() -> Theatre:
    stage = proven_a()
    stage.push(B, seconds(30))
    stage.suspended = "Suspended; what runs is left as it is."
    stage.play(seconds(600))
    stage.suspended = ""
    stage.turn("The suspension is lifted.", seconds(120))
    return stage


def timeout() -> Theatre:
    stage = proven_a()
    stage.push(App("never", ready_after=100_000), seconds(600))
    return stage


def prometheus_down_during_bake() -> Theatre:
    stage = proven_a()
    stage.metrics_down = True
    stage.push(App("B", checks=((0, PASSES),)), seconds(300))
    return stage


def lost_ledger() -> Theatre:
    stage = proven_a()
    stage.stored = encode(Ledger())
    stage.turn("The ledger is lost.", seconds(200))
    return stage


def lost_history() -> Theatre:
    """The proven revision's Secret is deleted by hand; the next bad push cannot go back to it."""
    stage = proven_a()
    stage.push(B, seconds(2))
    stage.helm.revisions = [each for each in stage.helm.revisions if each.number != 1]
    stage.say("Somebody deletes the Secret of revision 1.")
    stage.helm.last.app = replace(B, health=((0, CRASHES),))
    stage.play(seconds(200))
    return stage


def recreated_after_hold() -> Theatre:
    stage = proven_a()
    stage.push(BAD, seconds(120))
    stage.is_deleting = True
    stage.turn("The AppRelease is deleted.", seconds(10))
    stage.is_deleting = stage.is_gone = False
    stage.turn("The same AppRelease is created anew.", seconds(60))
    return stage


def retry_at() -> Theatre:
    stage = proven_a()
    stage.push(App("flaky", helm=HelmTrouble.HOOK_FAILED), seconds(120))
    stage.push(
        App("flaky", spec="retry-at 09:07"), seconds(120), "Somebody sets retry-at; the hook's database is up by now."
    )
    return stage


def health_spec_changed() -> Theatre:
    """No Helm call; a check that condemns is held in place, and putting it right clears the hold."""
    stage = proven_a()
    stage.push(App("A", spec="strict", checks=((0, FAILS),)), seconds(200), "Git adds a check that cannot pass.")
    stage.push(A, seconds(60), "Git takes the check away.")
    stage.push(App("A", spec="right", checks=((0, PASSES),)), seconds(120), "Git adds a check that passes.")
    return stage


def closed_while_verifying() -> Theatre:
    """What waits behind a closed gate does not stop what runs from being judged."""
    stage = proven_a()
    stage.push(App("B", health=((4, READY), (30, CRASHES))), seconds(10))
    stage.closed = Closed(Reason.ENVIRONMENT_SUSPENDED, "The Environment is suspended.")
    stage.push(C, seconds(200))
    stage.closed = None
    stage.turn("The Environment is open again.", seconds(200))
    return stage


def rejected_wish_while_another_runs() -> Theatre:
    """B was rejected; C runs unproven when Git goes back to B: what is proven runs again."""
    stage = proven_a()
    stage.push(BAD, seconds(120))
    stage.push(C, seconds(20))
    stage.push(BAD, seconds(120))
    return stage


def rejected_checks_while_another_runs() -> Theatre:
    """Only A's new checks were rejected; A itself is proven and makes C give way."""
    stage = proven_a()
    strict = App("A", spec="strict", checks=((0, FAILS),))
    stage.push(strict, seconds(200), "Git adds a check that cannot pass.")
    stage.push(C, seconds(20))
    stage.push(strict, seconds(200), "Git goes back to A with that check.")
    return stage


PLOTS = {
    plot.__name__: plot
    for plot in list(globals().values())
    if callable(plot) and getattr(plot, "__module__", "") == __name__ and plot not in (proven_a, killed)
}
