namespace Faith.Engine.Sweeps;

/// <summary>How a run of a sweep ended.</summary>
/// <param name="Ran">Cells that it made.</param>
/// <param name="DoneBefore">Cells that were there.</param>
/// <param name="Failed">Cells of its part that failed, here or elsewhere meanwhile, with how.</param>
/// <param name="Elsewhere">Cells that other processes work on.</param>
public sealed record SweepOutcome(int Ran, int DoneBefore, IReadOnlyList<(SweepCell Cell, CellFailure Failure)> Failed, int Elsewhere);
