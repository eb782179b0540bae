"""Whole processes: cross-validation on iris, the start of the command, its size."""
import os
import statistics
import subprocess
import tempfile

import measure

MODELS = "logistic,lda,knn,cart,gaussian_nb,svc"


def folds(options):
    measure.say("iris in 10 folds")
    script = os.path.join(os.path.dirname(__file__), "peer_folds.py")

    def leat():
        with tempfile.TemporaryDirectory() as out:
            return measure.run_json([options.leat, "fit", "iris", "--target", "species", "--models",
                                     MODELS, "--cv", "stratified:10", "--threads",
                                     str(measure.THREADS), "--json", "-o", out])

    def peer():
        return measure.run_json([options.peer, script])

    peer()  # the interpreter's files into the page cache
    runs = measure.in_turn(peer, leat, 3 if options.quick else 15)
    wall = [[r["process_wall"] for r in side] for side in runs]
    cpu = [[r["process_cpu"] for r in side] for side in runs]
    result = measure.Comparison(wall[0], wall[1], cpu[0], cpu[1])
    measure.say("  ratio %.1f, Leat %.4f s" % (result.ratio, result.leat))
    means = {e["estimator"]: e["mean"] for e in runs[1][0]["leaderboard"]}
    scores = [[name, "%.4f" % runs[0][0]["means"][name], "%.4f" % means[name]]
              for name in MODELS.split(",")]
    return "\n".join([
        "## Six algorithms on iris in 10 folds, as a process", "",
        measure.table([""] + measure.CELLS, [["cross-validation"] + result.cells()]), "",
        "The peer is a Python script with scikit-learn: %s s of it are its work, the rest is the "
        "start of Python and the imports. Leat's time includes the refit of the best, its model "
        "file and the report. Both standardise for logistic, knn and svc inside each fold; their "
        "shuffles differ, so the means do too:"
        % measure.seconds(statistics.median(r["work"] for r in runs[0])), "",
        measure.table(["mean accuracy", "scikit-learn", "Leat"], scores), ""])


def command(options):
    measure.say("start of the command")
    walls, cpus = [], []
    for _ in range(50 if options.quick else 300):
        _, wall, cpu = measure.run([options.leat, "version"])
        walls.append(wall)
        cpus.append(cpu)
    with tempfile.TemporaryDirectory() as folder:
        stripped = os.path.join(folder, "leat")
        subprocess.run(["strip", "-o", stripped, options.leat], check=True)
        size = os.path.getsize(stripped)
    return "\n".join([
        "## The command itself", "",
        "`leat version`: median %.2f ms, best %.2f ms of wall time, %.2f ms of CPU time, over %d "
        "runs. The stripped binary: %.2f MB."
        % (1e3 * statistics.median(walls), 1e3 * min(walls), 1e3 * statistics.median(cpus),
           len(walls), size / 1e6), ""])
