"""Each fault that is looked for, by its id: the tests that hold it, or why whet cannot have it.

A test is `file::function`; a sentence that begins with "no sense: " is a reason.
"""

from __future__ import annotations

CONFIG = "tests/faults/test_config.py"
CHECKPOINTS = "tests/faults/test_checkpoint_files.py"
MODELS = "tests/faults/test_model_files.py"
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

M: dict[str, tuple[str, ...] | str] = {
    "M1": (f"{CHECKPOINTS}::test_a_checkpoint_without_a_manifest_is_passed_over",),
    "M2": ("tests/faults/test_damages.py::test_a_damaged_checkpoint_is_passed_over_or_named",
           "tests/faults/test_damages.py::test_a_damaged_model_is_named"),
    "M3": ("tests/faults/test_damages.py::test_a_damaged_checkpoint_is_passed_over_or_named",),
    "M4": "no sense: there are no pointers called best or last; the best weights lie in the checkpoint that speaks of "
          "them (best.safetensors), and the newest whole one is found by its name",
    "M5": (f"{CHECKPOINTS}::test_a_manifest_that_is_none_makes_its_checkpoint_none",
           f"{CHECKPOINTS}::test_where_it_is_the_only_one_the_run_is_not_begun_anew",
           f"{CHECKPOINTS}::test_no_manifest_makes_a_foreign_folder_whole_or_the_reader_fail"),
    "M6": (f"{MODELS}::test_pickled_weights_are_refused_and_never_opened",
           f"{MODELS}::test_pickles_beside_the_weights_are_not_opened"),
    "M7": (f"{MODELS}::test_a_pickle_that_calls_itself_safetensors_is_refused",
           f"{CHECKPOINTS}::test_a_checkpoint_that_no_training_wrote_is_refused_and_runs_nothing",
           "tests/meta/test_layers.py::test_nothing_is_read_that_could_run_code"),
    "M8": (f"{MODELS}::test_a_configuration_that_names_code_is_refused_before_the_library_sees_it",
           f"{MODELS}::test_a_configuration_of_another_kind_or_size_is_refused_by_its_key",
           f"{MODELS}::test_a_configuration_that_no_model_can_be_made_of_is_refused",
           f"{MODELS}::test_an_adapter_is_not_followed_to_its_model"),
    "M9": (f"{MODELS}::test_code_in_the_folder_of_a_model_is_left_alone_and_that_is_said",),
    "M10": (f"{MODELS}::test_a_damaged_tokenizer_is_named",
            f"{MODELS}::test_what_stands_beside_a_tokenizer_is_read_with_the_same_care",
            f"{MODELS}::test_a_pattern_that_never_ends_is_a_fault_of_the_tokenizer",
            f"{MODELS}::test_a_tokenizer_of_more_words_than_the_model_has_is_refused"),
    "M11": (f"{MODELS}::test_weights_that_are_not_the_model_are_named",
            f"{MODELS}::test_weights_of_layers_that_the_configuration_does_not_have_are_told",
            "tests/unit/model/test_encoder.py::test_a_saved_model_that_lost_or_changed_a_weight_is_refused"),
    "M12": ("tests/unit/test_artifact.py::test_swapped_labels_are_refused_with_both_orders",
            "tests/unit/test_artifact.py::test_a_wrong_value_in_whet_json_is_a_model_error",
            "tests/faults/test_damages.py::test_a_damaged_model_is_named"),
    "M13": (f"{MODELS}::test_an_attack_on_the_reader_of_weights_ends_as_one_message",
            f"{CHECKPOINTS}::test_no_header_of_a_tensor_file_crashes_the_reader_or_takes_memory"),
    "M14": (f"{MODELS}::test_a_model_folder_that_is_a_link_is_followed_and_nothing_is_written_there",
            f"{MODELS}::test_a_link_that_leads_nowhere_is_named",
            f"{MODELS}::test_an_index_of_weights_leads_to_no_other_folder",
            f"{MISTAKES}::test_no_hub"),
    "M15": (f"{CHECKPOINTS}::test_there_is_a_checkpoint_of_every_format",
            f"{CHECKPOINTS}::test_a_checkpoint_of_an_older_version_is_gone_on_from"),
    "M16": (f"{CHECKPOINTS}::test_a_checkpoint_of_another_format_is_told_with_its_number_and_left",
            f"{CHECKPOINTS}::test_a_manifest_of_a_later_format_is_not_taken_for_damage_alone",
            "tests/unit/test_artifact.py::test_a_newer_format_is_refused_with_advice"),
    "M17": (f"{CHECKPOINTS}::test_runs_that_are_cut_off_damaged_and_gone_on_with_lose_nothing",
            f"{CHECKPOINTS}::test_damaged_later_checkpoints_do_not_take_the_place_of_whole_ones"),
}  # fmt: skip

T: dict[str, tuple[str, ...] | str] = {}

P: dict[str, tuple[str, ...] | str] = {}
