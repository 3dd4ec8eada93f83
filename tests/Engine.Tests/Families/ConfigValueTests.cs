using System.Text.Json.Nodes;
using Faith.Engine.Models;
using Faith.Engine.Passes;
using Faith.Engine.Tests.Models;
using Faith.Engine.Tests.Oracle;
using Faith.Kernels.Host;
using Xunit;

namespace Faith.Engine.Tests.Families;

/// <summary>Nothing that a configuration says about the mathematics is passed over: another value changes the logits, or it is refused by its name or by that of a tensor that does not fit it.</summary>
public sealed class ConfigValueTests
{
    private const string Rotating = "falcon gemma gemma2 llama_yarn mistral olmo2 phi3 qwen2 qwen3 smollm3 starcoder2 gpt_neox gpt_neox_sequential phi stablelm";
    private const string LlamaLike = "gemma gemma2 gemma3_text llama_yarn mistral olmo2 phi3 qwen2 qwen3 smollm3";

    // Families, and what is changed: paths in config.json, each with a value.
    private static readonly (string Families, string[] Changes)[] Rows =
    [
        (LlamaLike, ["rms_norm_eps=0.5", "num_key_value_heads=8", "num_hidden_layers=1", "num_hidden_layers=9", "hidden_size=64", "intermediate_size=56", "num_attention_heads=12"]),
        (LlamaLike + " starcoder2 stablelm phi gpt_neox", ["head_dim=4"]),
        (Rotating, ["rope_parameters/rope_theta=7", "rope_parameters/rope_type=\"dynamic\"", "rope_parameters={\"rope_type\":\"linear\",\"factor\":3,\"rope_theta\":10000}", "rope_parameters/rope_type=\"other\""]),
        (Rotating, ["rope_scaling={\"rope_type\":\"linear\",\"factor\":3};rope_parameters=null", "rope_scaling={\"type\":\"dynamic\",\"factor\":3};rope_parameters=null"]),
        ("gemma3_text", ["rope_parameters/full_attention/rope_theta=7", "rope_parameters/sliding_attention/rope_theta=7", "rope_parameters/full_attention/rope_type=\"dynamic\""]),
        ("llama_yarn llama_linear llama_llama3", ["rope_parameters/factor=2.5", "hidden_act=\"relu\"", "attention_bias=true", "mlp_bias=true"]),
        ("llama_yarn", ["rope_parameters/beta_fast=9", "rope_parameters/beta_slow=4", "rope_parameters/attention_factor=2", "rope_parameters/mscale=2;rope_parameters/mscale_all_dim=3", "rope_parameters/original_max_position_embeddings=100", "rope_parameters/truncate=false"]),
        ("llama_llama3", ["rope_parameters/low_freq_factor=0.5", "rope_parameters/high_freq_factor=16", "rope_parameters/original_max_position_embeddings=9"]),
        ("phi3_longrope", ["rope_parameters/short_factor=[3,3,3,3,3,3]", "rope_parameters/long_factor=[30,30,30,30,30,30]", "rope_parameters/attention_factor=2", "rope_parameters/partial_rotary_factor=0.5", "rope_parameters/original_max_position_embeddings=3;original_max_position_embeddings=3", "sliding_window=2"]),
        ("phi stablelm gpt_neox gpt_neox_sequential phi3", ["rope_parameters/partial_rotary_factor=0.125"]),
        ("phi stablelm", ["qk_layernorm=true", "layer_norm_eps=0.5", "hidden_act=\"relu\"", "num_key_value_heads=1"]),
        ("stablelm", ["use_qkv_bias=true", "use_parallel_residual=true"]),
        ("gpt_neox gpt_neox_sequential", ["layer_norm_eps=0.5", "hidden_act=\"relu\"", "attention_bias=false", "rotary_pct=1;rope_parameters=null", "rotary_emb_base=7;rope_parameters=null"]),
        ("gpt_neox", ["use_parallel_residual=false"]),
        ("gpt_neox_sequential", ["use_parallel_residual=true"]),
        ("gpt2", ["activation_function=\"relu\"", "layer_norm_epsilon=0.5", "scale_attn_weights=false", "scale_attn_by_inverse_layer_idx=true", "add_cross_attention=true", "pruned_heads={\"0\":[1]}",
            "n_head=2", "n_inner=16", "n_layer=1", "n_layer=3", "n_embd=16", "n_positions=5", "tie_word_embeddings=false", "model_type=\"other\""]),
        ("gpt_neo", ["layer_norm_epsilon=0.5", "activation_function=\"relu\"", "window_size=2", "attention_types=[[[\"local\"],2]];attention_layers=null", "attention_layers=[\"local\",\"local\"]", "attention_layers=[\"local\",\"other\"];attention_types=null", "intermediate_size=64", "num_heads=2"]),
        ("gptj", ["layer_norm_epsilon=0.5", "activation_function=\"relu\"", "rotary_dim=4", "rotary_dim=null", "rotary_dim=5", "n_inner=64", "n_head=6"]),
        ("opt", ["activation_function=\"gelu\"", "do_layer_norm_before=false", "enable_bias=false", "layer_norm_elementwise_affine=false", "_remove_final_layer_norm=true", "word_embed_proj_dim=16", "num_attention_heads=2", "ffn_dim=64"]),
        ("falcon", ["activation=\"relu\"", "alibi=true", "apply_residual_connection_post_layernorm=true", "bias=true", "layer_norm_epsilon=0.5", "multi_query=false", "new_decoder_architecture=true", "parallel_attn=false", "ffn_hidden_size=96", "num_attention_heads=6"]),
        ("starcoder2", ["hidden_act=\"relu\"", "mlp_type=\"other\"", "norm_type=\"rms_norm\"", "norm_epsilon=0.5", "use_bias=false", "sliding_window=2", "num_key_value_heads=1"]),
        ("mistral", ["sliding_window=2", "attention_bias=true", "hidden_act=\"relu\"", "layer_types=[\"full_attention\",\"full_attention\"]"]),
        ("qwen2", ["use_sliding_window=true;sliding_window=2;layer_types=null", "layer_types=[\"sliding_attention\",\"sliding_attention\"]", "layer_types=[\"full_attention\",\"other\"]", "hidden_act=\"relu\"", "attention_bias=false"]),
        ("qwen3", ["use_sliding_window=true;sliding_window=2;layer_types=null;max_window_layers=0", "attention_bias=true", "hidden_act=\"relu\"", "layer_types=[\"chunked_attention\",\"full_attention\",\"full_attention\"]"]),
        ("smollm3", ["use_sliding_window=true;sliding_window=2;layer_types=null", "no_rope_layers=[1,1,1,1]", "no_rope_layer_interval=2;no_rope_layers=null", "attention_bias=true", "mlp_bias=true", "hidden_act=\"relu\""]),
        ("gemma", ["hidden_activation=\"relu\"", "hidden_act=\"relu\";hidden_activation=null", "use_bidirectional_attention=true", "attention_bias=true"]),
        ("gemma2 gemma3_text", ["hidden_activation=\"relu\";hidden_act=null", "use_bidirectional_attention=true", "attention_bias=true", "query_pre_attn_scalar=3", "attn_logit_softcapping=0.5", "final_logit_softcapping=2", "sliding_window=2"]),
        ("gemma2", ["layer_types=[\"full_attention\",\"full_attention\",\"full_attention\"]", "attn_logit_softcapping=null", "final_logit_softcapping=null"]),
        ("gemma3_text", ["layer_types=null;sliding_window_pattern=2;_sliding_window_pattern=2", "layer_types=null;sliding_window_pattern=2"]),
        ("olmo2", ["attention_bias=true", "hidden_act=\"relu\""]),
        ("phi3", ["attention_bias=true", "hidden_act=\"relu\"", "sliding_window=2"]),
        ("gemma gemma2 gemma3_text qwen2 smollm3 starcoder2 gpt_neo opt falcon", ["tie_word_embeddings=false"]),
        ("llama_yarn mistral olmo2 phi3 gpt_neox stablelm phi gptj", ["tie_word_embeddings=true"]),
        (LlamaLike + " starcoder2 stablelm phi gpt_neox gpt_neo gptj opt falcon", ["model_type=\"other\"", "architectures=[\"OtherForCausalLM\"]", "quantization_config={\"quant_method\":\"gptq\",\"bits\":4}"]),
    ];

    public static TheoryData<string> Families() => [.. Rows.SelectMany(row => row.Families.Split(' ')).Distinct().Order(StringComparer.Ordinal)];

    [Theory, MemberData(nameof(Families))]
    public void AnotherValueChangesTheLogitsOrIsRefused(string family)
    {
        using var tiny = new TemporaryDirectory();
        var (folder, prompts) = (tiny.Path, new int[][] { [1, 2, 3, 4], [7, 2] });
        if (family == "gpt2")
        {
            using var random = RandomModels.Gpt2(3);
            HuggingFaceDirectory.Write(random, folder);
        }
        else
        {
            var directory = new FamilyDirectory(family);
            (folder, prompts) = (directory.Folder, [.. directory.Examples.Select(example => example.Clean)]);
        }
        using var device = new HostDevice(1);
        var before = Logits(device, folder, prompts);
        List<string> ignored = [];
        foreach (var change in Rows.Where(row => row.Families.Split(' ').Contains(family)).SelectMany(row => row.Changes))
        {
            var settings = change.Split(';').Select(setting => setting.Split('=', 2)).ToArray();
            using var changed = FamilyDirectory.Copy(folder, config =>
            {
                foreach (var setting in settings) Set(config, setting[0], setting[1]);
            });
            try
            {
                if (Logits(device, changed.Path, prompts).SequenceEqual(before)) ignored.Add($"{change} changes nothing");
            }
            catch (InputException refused)
            {
                var names = settings.SelectMany(setting => setting[0].Split('/')).Concat(["tensor", "rope_", "layer_types"]);
                if (!names.Any(name => refused.Message.Contains(name, StringComparison.Ordinal))) ignored.Add($"{change} is refused without its name: {refused.Message}");
            }
        }
        Assert.True(ignored.Count == 0, string.Join("\n", ignored));
    }

    private static float[] Logits(HostDevice device, string folder, int[][] prompts)
    {
        using var weights = ModelLoader.Load(folder);
        using var model = new Transformer(device, weights);
        return [.. prompts.SelectMany(prompt => TextGenerator.LastLogits(model, prompt))];
    }

    private static void Set(JsonObject config, string path, string value)
    {
        var keys = path.Split('/');
        foreach (var key in keys[..^1]) config = (config[key] ??= new JsonObject()).AsObject();
        config[keys[^1]] = JsonNode.Parse(value);
    }
}
