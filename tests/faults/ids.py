"""Each fault that is looked for, by its id: the tests that hold it, or why whet cannot have it.

A test is `file::function`; a sentence that begins with "no sense: " is a reason.
"""

from __future__ import annotations

CONFIG = "tests/faults/test_config.py"
MISTAKES = "tests/flows/test_mistakes.py"

C: dict[str, tuple[str, ...] | str] = {
    "C1": (f"{CONFIG}::test_every_setting_with_one_letter_wrong_is_unknown_and_the_nearest_is_named",
           f"{MISTAKES}::test_an_unknown_option"),
    "C2": (f"{CONFIG}::test_any_value_of_any_setting_is_taken_in_its_type_or_is_a_usage_error",
           f"{CONFIG}::test_a_wrong_value_ends_the_command_before_anything_is_written"),
    "C3": (f"{CONFIG}::test_a_recipe_that_cannot_be_meant_is_refused_with_its_place",
           f"{CONFIG}::test_a_file_of_label_names_that_cannot_be_meant_is_refused"),
    "C4": (f"{CONFIG}::test_settings_that_contradict_each_other_are_both_named",
           f"{CONFIG}::test_what_a_recipe_says_of_validation_may_lie_idle",
           f"{CONFIG}::test_a_warmup_of_all_steps_and_one_under_a_budget_are_taken"),
    "C5": (f"{MISTAKES}::test_a_length_that_the_model_does_not_take",),
    "C6": (f"{CONFIG}::test_a_device_that_is_not_there_is_named_with_those_that_are",
           "tests/flows/test_require_gpu.py::"
           "test_a_training_that_requires_a_gpu_is_refused_before_its_data_is_read"),
    "C7": (f"{CONFIG}::test_the_folder_one_stands_in_is_no_run_and_is_left_alone",
           f"{CONFIG}::test_the_root_of_the_disk_is_no_run",
           f"{CONFIG}::test_another_run_is_left_alone_whatever_its_description_is",
           "tests/flows/test_run_folder.py::test_output_with_foreign_files_is_refused_and_they_stay",
           f"{MISTAKES}::test_an_existing_file_as_output"),
    "C8": (f"{CONFIG}::test_a_run_is_not_gone_on_with_by_other_settings_and_the_differences_are_listed",
           f"{CONFIG}::test_without_output_other_settings_are_another_run_and_the_stopped_one_can_still_go_on",
           f"{CONFIG}::test_settings_that_decide_no_result_may_change"),
    "C9": (f"{CONFIG}::test_a_run_that_goes_on_with_other_versions_is_warned_and_the_warning_is_kept",
           f"{CONFIG}::test_the_same_versions_are_not_spoken_of"),
    "C10": (f"{CONFIG}::test_a_place_that_cannot_be_written_is_named",
            f"{CONFIG}::test_a_mirror_that_cannot_be_is_told_before_the_training_and_the_run_is_begun_again",
            f"{CONFIG}::test_a_name_that_looks_like_an_option_or_a_home_is_a_folder",
            f"{CONFIG}::test_a_folder_that_this_user_may_not_write_to_is_named",
            f"{CONFIG}::test_a_data_file_whose_name_is_no_utf8_is_trained_on"),
}  # fmt: skip

M: dict[str, tuple[str, ...] | str] = {}

T: dict[str, tuple[str, ...] | str] = {}

P: dict[str, tuple[str, ...] | str] = {}
