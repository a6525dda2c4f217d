"""How the models compare: pure functions of counts, on numpy and scipy alone, one file per method.

Unless its docstring says otherwise, evidence is anytime-valid: with `log_e` the logarithm of an e-process, the chance
that it ever reaches log(1 / alpha) while the null hypothesis holds is at most alpha, however often anyone looks (Ville,
1939); and an interval covers the truth at all times at once but for alpha. Functions called `fixed…`, and p-values of
chi-squared, hold for a single look that was planned beforehand; they are for reference and never decide.

Everything here is used by the reports; a test sees to it.

sign            log_e_two_sided, log_e_greater            paired texts: who is right where only one is
errors_by_arm   log_e_two                                 split traffic: on which arm the errors fall
asymptotic      rho_squared, radius, radius_one_sided, always_valid_p, mean_interval, paired_interval, split_interval
betting         HedgedBetting, difference_path            mean of bounded values, without asymptotics
accuracy        interval                                  one arm's share of right answers
sample_ratio    log_e, chi_squared, LOG_ALARM             whether counts fall on the arms in the declared shares
labelling       log_e                                     whether labels depend on the served answer being right
latency         exceedance_split, quantile_ranks, quantile_interval, quantile_p
agreement       agreement, kappa, difference_bound        two arms without labels
scores          brier, brier_difference                   how good the probabilities are
mcnemar         fixed_exact_p                             for reference
multiple        log_threshold, alpha_each                 several arms
planning        further_labels_paired, further_labels_split
"""
