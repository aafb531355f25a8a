/**
 * Decides which files of a whole run are run once more, each by itself, and what that says. Dozens of processes of one run share two cores, so a
 * spec can miss a bound that it keeps with the machine to itself: such a file is told as unsteady. More than a few, or one that fails again, fail the run.
 */

/** More than this many files that fail, one in a hundred of all, is no matter of a busy machine. */
export const MOST_UNSTEADY = 5;

/**
 * @typedef {object} Result
 * @property {string} suite
 * @property {number | null} code of the whole pass
 * @property {readonly string[]} failedFiles
 * @property {boolean} leaked all its tests have run, and then it did not exit: often a test that failed has not tidied up
 */

/**
 * @param {readonly Result[]} results
 * @param {boolean} isWhole everything was run: whoever names a suite or a file wants to see it fail
 * @returns {readonly { index: number, file: string }[]} what is tried again, empty where the run has failed already
 */
export const secondTries = (results, isWhole) => {
  const failed = results.map(({ code }, index) => ({ code, index })).filter(({ code }) => code !== 0);
  // A pass that was killed has files that never ran, one without a failed file leaks: trying files again says nothing of that.
  const isOfFiles = failed.every(
    ({ code, index }) => (code === 1 || results[index].leaked) && results[index].failedFiles.length > 0,
  );
  const tries = failed.flatMap(({ index }) => results[index].failedFiles.map((file) => ({ index, file })));
  return isWhole && isOfFiles && tries.length <= MOST_UNSTEADY ? tries : [];
};

/**
 * @param {readonly Result[]} results
 * @param {readonly { index: number, file: string, code: number | null }[]} tried with how the second run of each ended
 * @returns {readonly (Result & { unsteady: readonly string[], hasFailed: boolean })[]}
 */
export const afterSecondTries = (results, tried) =>
  results.map((result, index) => {
    const ofIt = tried.filter((each) => each.index === index);
    const isSteadied = ofIt.length > 0 && ofIt.every(({ code }) => code === 0);
    return {
      ...result,
      unsteady: ofIt.filter(({ code }) => code === 0).map(({ file }) => file),
      hasFailed: result.code !== 0 && !isSteadied,
    };
  });
