using Faith.Engine.Reports;

namespace Faith.Cli;

/// <summary>`--plot FILE`: a plot, SVG or PDF. Where plots were SVG only it was called --svg.</summary>
internal sealed class PlotOption : PathOption
{
    public PlotOption(string description) : base("--plot", PathRole.Output, $"{description}, {string.Join(" or ", PictureFile.Extensions)}")
    {
        Aliases.Add("--svg");
        Validators.Add(result =>
        {
            if (result.Tokens is [{ Value: var path }, ..] && !PictureFile.IsKnown(path)) result.AddError($"{Name} {path}: a plot is a file that ends in {string.Join(" or ", PictureFile.Extensions)}");
        });
    }
}
