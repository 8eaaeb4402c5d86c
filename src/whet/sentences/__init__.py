"""What is said of data and of jobs, in English and in Korean, side by side."""

from whet.sentences import adapting, beside, data, defaults, groups, job, teaching

SENTENCES = {
    **data.FINDINGS,
    **data.TODO,
    **data.REASONS,
    **data.NOTICES,
    **job.ROWS,
    **job.MODEL,
    **job.COURSE,
    **defaults.DEFAULTS,
    **beside.BESIDE,
    **adapting.ADAPTING,
    **groups.GROUPS,
    **teaching.TEACHING,
}
WORDS = {**data.WORDS, **job.WORDS, **adapting.WORDS}
"""Facts that are words of English, in Korean."""
